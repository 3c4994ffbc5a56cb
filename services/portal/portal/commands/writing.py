"""`reclass push | rollback`: genres into Plex, and back."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from portal.commands.surroundings import DataOption, RefusalError, portal_at_hand
from portal.commands.terminal import Terminal

ROWS_LISTED = 20
LATEST = "latest"
# In place of a confidence.
WITHOUT_CONFIDENCE = {"person": "a person's", "translation": "none needed"}
JsonOption = Annotated[bool, typer.Option("--json", help="Print batch and counts as JSON.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(push)
    app.command()(rollback)


def push(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be written.")] = False,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Minimum confidence of the AI. Without it: that of the settings."
        ),
    ] = None,
    random_weights: Annotated[
        bool,
        typer.Option(
            "--random-weights",
            help="Also plan and write genres that a model for trials decided (--tiny-models). They mean nothing.",
        ),
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Write genres to Plex: the latest dry run's, else those of a new one."""
    with portal_at_hand(data):
        from portal.ledger.batches import next_batch

        batch, run = None if dry_run or min_confidence is not None else next_batch(), None
        if batch is None:
            batch, run = _plan(min_confidence, random_weights=random_weights, as_json=as_json)
        if batch is None or dry_run:
            _report(batch, as_json=as_json, rows=dry_run, plan=run)
            return
        from portal.orchestration.start import start_push
        from portal.writing.overtaken import older_than_judgements

        if older := older_than_judgements(batch):
            Terminal(stderr=True, soft_wrap=True).print(older)
        _do(batch, start_push(batch, random_weights=random_weights), as_json=as_json)


def rollback(
    batch: Annotated[str, typer.Argument(help="Number of the batch, or latest.")],
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Put back what stood in Plex before a batch."""
    with portal_at_hand(data):
        from portal.orchestration.start import start_rollback

        chosen = _batch(batch)
        _do(chosen, start_rollback(chosen), as_json=as_json)


def _plan(min_confidence: float | None, *, random_weights: bool, as_json: bool) -> tuple[Any, Any]:
    """The batch of a new dry run, None where nothing is to be written; and the run."""
    from portal.commands.following import finish
    from portal.ledger.models import WriteBatch
    from portal.orchestration.start import start_plan
    from portal.preferences.current import preferences

    least = preferences().write_confidence if min_confidence is None else min_confidence
    run = start_plan(min_confidence=least, random_weights=random_weights)
    planned = finish(run, Terminal(stderr=as_json, soft_wrap=True))
    batch = planned.batch
    return batch if batch and batch.state == WriteBatch.State.PLANNED else None, planned


def _do(batch: Any, run: Any, *, as_json: bool) -> None:
    """Follow a run that writes a batch or takes it back; what became of the batch is said however the run ends."""
    from portal.commands.following import exit_status, follow

    status = exit_status(follow(run, Terminal(stderr=as_json, soft_wrap=True)))
    batch.refresh_from_db()
    _report(batch, as_json=as_json)
    if status:
        raise typer.Exit(status)


def _batch(name: str) -> Any:
    from portal.ledger.batches import last_written_batch
    from portal.ledger.models import WriteBatch

    if name == LATEST:
        batch = last_written_batch()
        if batch is None:
            raise RefusalError("Nothing of ours stands in Plex: there is no batch to roll back.")
        return batch
    batch = WriteBatch.objects.filter(pk=int(name)).first() if name.isdecimal() else None
    if batch is None:
        known = ", ".join(str(pk) for pk in WriteBatch.objects.values_list("pk", flat=True)[:10])
        others = f"the latest are {known}" if known else "none was made yet (reclass push)"
        raise RefusalError(f"There is no batch {name}; {others}.")
    return batch


def _report(batch: Any, *, as_json: bool, rows: bool = False, plan: Any = None) -> None:
    from portal.writing.stated import stated
    from portal.writing.write_runs import counts

    unknown = list(plan.unknown_tags.all()) if plan else []
    if as_json:
        numbers = counts(batch) if batch else {}
        result = {
            "batch": batch.pk if batch else None,
            "state": batch.state if batch else None,
            "rows": numbers,
            "stated": stated(batch.rows.all()).as_data() if batch else None,
        }
        if plan is not None:
            result["unknown_tags"] = [
                {"tag": each.tag, "songs": each.songs, "example": each.example} for each in unknown
            ]
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        _show_unknown(unknown)
        if batch is not None and rows:
            _show_rows(batch)


def _show_unknown(tags: Sequence[Any]) -> None:

    if not tags:
        return
    table = Table("unknown tag", "songs left alone", "for example")
    for each in tags[:ROWS_LISTED]:
        table.add_row(each.tag, f"{each.songs:,}", each.example)
    console = Terminal()
    console.print(table)
    if len(tags) > ROWS_LISTED:
        console.print(f"and {len(tags) - ROWS_LISTED} more; the admin lists them all under Unknown tags.")


def _show_rows(batch: Any) -> None:

    from portal.writing.stated import stated

    table = Table("song", "kind", "before", "after", "confidence")
    for row in batch.rows.select_related("track").order_by("pk")[:ROWS_LISTED]:
        sure = WITHOUT_CONFIDENCE.get(row.kind, "") if row.confidence is None else f"{row.confidence:.0%}"
        sure += " of random weights" if row.random_weights else ""
        before = ", ".join(row.before_genres) or "–"
        table.add_row(str(row.track), row.get_kind_display(), before, ", ".join(row.after_genres), sure)
    console = Terminal()
    console.print(table)
    more = batch.rows.count() - ROWS_LISTED
    if more > 0:
        console.print(f"and {more} more; the admin lists them all under Write batches.")
    expected = stated(batch.rows.all())
    console.print(f"{expected.counts}.")
    for sentence in expected.sentences:
        console.print(sentence)
    console.print(f"Batch {batch.pk} is planned. Apply it with: reclass push")
