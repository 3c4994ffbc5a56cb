"""What `reclass train` shows and does before it learns: what there is of each genre, and what is lacking."""

from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from portal.commands.following import exit_status, follow, say_end
from portal.orchestration.start import CannotStart, start_training
from portal.public.songs import songs_by_genre
from portal.runs.models import NEXT, Run
from portal.training.learned import learned_genres
from portal.training.preparing import lacking_now
from portal.training.readiness import survey_genres
from portal.training.suggestions import offers


def show_learnable(console: Console) -> None:
    """A table of genres, which of them cannot be learned and why, and what would give more to learn from."""
    found = survey_genres()
    table = Table("genre", "labelled", "heard", "usable", "artists", "can be learned")
    for each in found.genres:
        numbers = (str(number) for number in (each.labelled, each.heard, each.usable, each.artists))
        few = "yes, few songs" if each.is_few else f"yes; {each.too_few}" if each.too_few else "yes"
        table.add_row(each.genre, *numbers, f"no: {each.why_not}" if each.why_not else few)
    console.print(table)
    if found.few:
        console.print(f"Few songs are {found.few}.", highlight=False, markup=False)
    for number, offer in enumerate(offers(found), 1):
        console.print(f"{number}. {offer}", highlight=False, markup=False)


def show_genres(result: Mapping[str, Any], console: Console) -> None:
    """How well each genre is told from the others, by the last stage: look here before anything is written."""
    table = Table("genre", "held-out songs", "precision", "recall")
    for each in learned_genres(result):
        table.add_row(each.genre, str(each.songs), f"{each.precision} %", f"{each.recall} %")
    if table.rows:
        console.print(table)


def prepare(console: Console, promotion: str, *, public: bool = False) -> Run:
    """Have the vectors made that labelled songs lack, and say how many; the training that comes then.

    Songs that cannot be heard now are no reason not to learn from the others.
    """
    if public and not songs_by_genre():
        raise CannotStart(
            "No song of a public table has a genre of ours: run `reclass import-fma DIR` first."
        )
    lacking = lacking_now(public=public)
    if lacking.track_ids:
        whole = (
            " For the public table's kind each is heard as a whole, not only its excerpt." if public else ""
        )
        console.print(f"{lacking}{whole} `--as-is` goes on without.", highlight=False, markup=False)
    run = start_training(lacking, promotion, public=public)
    if run.kind == Run.Kind.TRAIN:
        return run
    seen = follow(run, console)
    say_end(seen, console)
    following = Run.objects.filter(pk=seen.run.result.get(NEXT)).first()
    if following is None:
        raise typer.Exit(exit_status(seen) or 1)
    return following
