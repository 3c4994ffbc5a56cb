"""`reclass status | export`: what there is, for people and programs."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from portal.commands.output import print_json
from portal.commands.surroundings import DataOption, portal_at_hand, quit_with
from portal.commands.terminal import Terminal

SERVICE_TIMEOUT_SECONDS = 3.0
RUNS_LISTED = 8


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(status)
    app.command()(export)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    data: DataOption = None,
) -> None:
    """Say how many songs are in which state, what serves, and what ran last."""
    with portal_at_hand(data):
        from portal.commands.models.serving_now import model_as_data
        from portal.commands.songs.extracting import stages_as_data
        from portal.first_guess.reading import first_guesses
        from portal.library.census import counts
        from portal.registry.serving import serving_versions

        guesses = first_guesses()
        songs, runs = counts(serving_versions()), _last_runs()
        model = model_as_data(SERVICE_TIMEOUT_SECONDS)
        serving_kinds = {kind for stage in model["stages"] for kind in stage["kinds"]}
        extraction = stages_as_data(SERVICE_TIMEOUT_SECONDS, serving_kinds)
        if as_json:
            content = {
                "songs": songs,
                "first_guesses": {
                    "by_genre": guesses.by_genre,
                    "cannot_be_guessed": list(guesses.cannot_be_guessed),
                },
                "extraction": extraction,
                "model": model,
                "last_batch": _last_batch(),
                "last_runs": runs,
            }
            print_json(content)
        else:
            _show(songs, extraction, model, runs)


def export(
    output: Annotated[Path | None, typer.Option(help="File to write. Without it: standard output.")] = None,
    data: DataOption = None,
) -> None:
    """Print every song as a line of JSON."""
    with portal_at_hand(data):
        from portal.library.census import songs_as_data

        lines = (json.dumps(song, ensure_ascii=False) + "\n" for song in songs_as_data())
        if output is None:
            sys.stdout.writelines(lines)
            return
        _write(output, lines)


def _write(output: Path, lines: Iterable[str]) -> None:
    try:
        with output.open("w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        quit_with(f"{output}: {error.strerror}")


def _last_runs() -> list[dict[str, Any]]:
    from portal.runs.models import Run

    return [
        {
            "run": run.pk,
            "kind": run.kind,
            "state": run.state,
            "message": run.message,
            "songs": run.song_count,
            "through": run.settled_count,
            "songs_failed": run.failed_count,
            "created_time": run.created_time.isoformat(),
            "finished_time": run.finished_time.isoformat() if run.finished_time else None,
        }
        for run in Run.objects.order_by("-pk")[:RUNS_LISTED]
    ]


def _last_batch() -> dict[str, Any] | None:
    """The newest batch that was not discarded: its rows by state and by kind, and what they are expected to come to."""
    from portal.ledger.models import WriteBatch
    from portal.writing.stated import stated
    from portal.writing.write_runs import counts

    batch = WriteBatch.objects.exclude(state=WriteBatch.State.DISCARDED).first()
    if batch is None:
        return None
    expected = stated(batch.rows.all()).as_data()
    return {"batch": batch.pk, "state": batch.state, "rows": counts(batch), "stated": expected}


def _show(
    songs: dict[str, int], extraction: dict[str, Any], model: dict[str, Any], runs: list[dict[str, Any]]
) -> None:
    from portal.commands.models.serving_now import model_lines
    from portal.commands.songs.extracting import show_stages

    console = Terminal()
    counted = Table("songs", "")
    for name, number in songs.items():
        if number or name in ("synced", "extracted", "classified", "failed", "written"):
            counted.add_row(name.replace("_", " "), str(number))
    console.print(counted)
    if extraction["message"]:
        console.print(extraction["message"])
    else:
        show_stages(extraction["stages"], console)
    for line in model_lines(model):
        console.print(line)
    last = Table("run", "kind", "state", "songs", "message")
    for run in runs:
        done = f"{run['through']} of {run['songs']}" if run["songs"] else "–"
        last.add_row(str(run["run"]), run["kind"], run["state"], done, run["message"])
    console.print(last)
