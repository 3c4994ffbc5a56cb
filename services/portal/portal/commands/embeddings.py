"""`reclass embeddings`: shows the table of embeddings, switches them off and on, and puts them in order."""

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

from portal.commands.output import print_json
from portal.commands.surroundings import DataOption, RefusalError, portal_at_hand
from portal.commands.terminal import Terminal

TIMEOUT_SECONDS = 10.0


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(embeddings)


def embeddings(
    off: Annotated[
        list[str] | None, typer.Option("--off", help="Use this embedding no more; again for more.")
    ] = None,
    on: Annotated[
        list[str] | None, typer.Option("--on", help="Use this embedding again; again for more.")
    ] = None,
    order: Annotated[
        str | None, typer.Option(help="The order in which stages add them, separated by commas.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
    data: DataOption = None,
) -> None:
    """List the embeddings in the order of stages; switch them off and on, or change their order. No vector and no
    verdict goes."""
    with portal_at_hand(data):
        from portal.registry.embedding_table import embedding_table

        trouble = _ask_features()
        said = _change(off or (), on or (), _named(order))
        rows = [asdict(row) for row in embedding_table()]
        if as_json:
            print_json({"embeddings": rows, "message": trouble, "proposed_order": _proposed()})
        else:
            _show(rows, "\n".join(filter(None, (trouble, *said))))


def _ask_features() -> str:
    """Bring the table up to date; why that could not be done."""
    from runtime.errors import RemoteError

    from portal.library.embeddings import note_capabilities
    from portal.preferences.current import preferences
    from portal.remote.features import capabilities_now

    try:
        note_capabilities(capabilities_now(preferences(), TIMEOUT_SECONDS, patient=True))
    except RemoteError as error:
        return f"features does not answer, this is what it said last: {error.message}"
    return ""


def _named(order: str | None) -> list[str]:
    """The embeddings of an order that was typed."""
    named = [kind.strip() for kind in (order or "").split(",") if kind.strip()]
    if order is not None and not named:
        raise RefusalError("--order names no embedding: name one at least, as in `--order mert,musicnn`.")
    return named


def _change(off: Any, on: Any, order: list[str]) -> list[str]:
    """What switching came to, in sentences."""
    from django.db import transaction

    from portal.library.embedding_order import EmbeddingRefusedError, switch, use_order
    from portal.registry.embedding_table import embedding_table, switched_words

    try:
        with transaction.atomic():
            switched = [switch(kind, on=False) for kind in off] + [switch(kind, on=True) for kind in on]
            if order:
                use_order(order)
            names = {change.name.removeprefix("embedding ") for change in switched if change}
            return [switched_words(row) for row in embedding_table() if row.kind in names]
    except EmbeddingRefusedError as error:
        raise RefusalError(str(error)) from error


def _proposed() -> list[str]:
    from portal.library.embedding_order import proposal

    found = proposal()
    return list(found.kinds) if found else []


def _show(rows: list[dict[str, Any]], trouble: str) -> None:
    from portal.library.embedding_order import proposal

    console = Terminal(soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    # At 80 columns a heading that is cut says nothing; a long cell goes on in a second line.
    for heading in ("embedding", "kind", "used", "values", "ms a song", "songs", "lacking", "adds"):
        table.add_column(heading, min_width=min(len(heading), 9), overflow="fold")
    for row in rows:
        table.add_row(
            row["name"],
            row["kind"],
            _used(row),
            str(row["length"] or ""),
            _cost(row),
            str(row["done"]),
            str(row["lacking"]),
            "trial weights: means nothing" if row["for_trials"] else _added(row["added"]),
        )
    console.print(table)
    for row in rows:
        if not row["available"]:
            console.print(f"{row['name']}: {row['detail']}")
        if row["skipped_reason"]:
            console.print(f"{row['name']} is no part of the last training: {row['skipped_reason']}")
    if found := proposal():
        console.print(
            f"On this machine {found.cheaper} costs less than {found.dearer}: "
            f"`reclass embeddings --order {','.join(found.kinds)}`"
        )
    if trouble:
        console.print(trouble)


def _used(row: dict[str, Any]) -> str:
    installed = "" if row["available"] else ", not installed"
    return ("yes" if row["enabled"] else "no") + installed


def _cost(row: dict[str, Any]) -> str:
    if not row["seconds"]:
        return ""
    milliseconds = f"{1000 * row['seconds']:.0f}"
    return milliseconds if row["measured_songs"] else f"about {milliseconds}"


def _added(added: dict[str, Any] | None) -> str:
    if added is None:
        return ""
    return f"{added['points']:+.1f} points ({added['low']:+.1f} to {added['high']:+.1f})"
