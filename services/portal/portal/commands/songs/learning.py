"""What `reclass train` shows and does before it learns: what there is of each genre, and what is lacking."""

from typing import Any

import typer
from django.db.models import Model
from rich.table import Table

from portal.commands.following import exit_status, follow
from portal.commands.models.reports import genres_table
from portal.commands.terminal import Terminal
from portal.orchestration.start import CannotStart, start_training
from portal.public.songs import songs_by_genre
from portal.runs.models import Run
from portal.training.preparing import lacking_now
from portal.training.readiness import survey_genres
from portal.training.suggestions import suggestions


def show_readiness(console: Terminal) -> None:
    """A table of genres, which of them cannot be learned and why, and what would give more to learn from."""
    found = survey_genres()
    table = Table("genre", "labelled", "analysed", "usable", "artists", "can be learned")
    for each in found.genres:
        numbers = (str(number) for number in (each.labelled, each.extracted, each.usable, each.artists))
        few = "yes, few songs" if each.is_few else f"yes; {each.too_few}" if each.too_few else "yes"
        table.add_row(each.genre, *numbers, f"no: {each.why_not}" if each.why_not else few)
    console.print(table)
    if found.few:
        console.print(f"Few songs are {found.few}.")
    for number, suggestion in enumerate(suggestions(found), 1):
        console.print(f"{number}. {suggestion}")


def show_trained(run: Run, console: Terminal) -> None:
    """What a training has made: its stages, and how well the last one tells each genre from the others."""
    table = Table(
        "stage",
        "model",
        "held-out-artist accuracy",
        "macro F1",
        "always the largest genre",
        "ECE before → after",
    )
    stages = list(run.model.stages.all()) if run.model else []
    for stage in stages:
        table.add_row(
            str(stage.stage),
            stage.model_version,
            f"{stage.held_out_accuracy:.1%} of {stage.held_out_songs} songs",
            f"{stage.held_out_macro_f1:.3f}",
            f"{stage.majority_baseline_accuracy:.1%}",
            f"{stage.calibration_error_before:.3f} → {stage.calibration_error_after:.3f}",
        )
    console.print(table)
    if stages:  # look here before anything is written
        console.print(genres_table(stages[-1].genres.all(), songs="held-out songs"))
    console.print(f"Genres learned: {', '.join(run.model.genres if run.model else ())}")
    for skipped in run.result.get("skipped_genres", ()):
        console.print(f"Not learned: {skipped['genre']}: {skipped['reason']}")
    console.print(f"Tags that look wrong: {run.result.get('suspected_label_errors', 0)}")


def trained_as_data(run: Run) -> dict[str, Any]:
    """The same for programs, as the database has it."""
    stages = list(run.model.stages.all()) if run.model else []
    return {
        **run.result,
        "model": _columns(run.model) if run.model else None,
        "stages": [_columns(stage) | {"genres": list(map(_columns, stage.genres.all()))} for stage in stages],
    }


def _columns(row: Model) -> dict[str, Any]:
    columns = (each for each in row._meta.concrete_fields if not (each.primary_key or each.is_relation))
    return {each.name: getattr(row, each.name) for each in columns}


def prepare(console: Terminal, promotion: str, *, public: bool = False) -> Run:
    """Have the vectors made that labelled songs lack, and say how many; the training that comes then.

    Songs that cannot be analysed now are no reason not to learn from the others.
    """
    if public and not songs_by_genre():
        raise CannotStart(
            "No song of a public table has a genre of ours: run `reclass import-fma DIR` first."
        )
    lacking = lacking_now(public=public)
    if lacking.track_ids:
        whole = (
            " For the public table's kind each is analysed as a whole, not only its excerpt."
            if public
            else ""
        )
        console.print(f"{lacking}{whole} `--as-is` goes on without.")
    run = start_training(lacking, promotion, public=public)
    if run.kind == Run.Kind.TRAIN:
        return run
    ended = follow(run, console)
    if ended.followed_by is None:
        raise typer.Exit(exit_status(ended) or 1)
    return ended.followed_by
