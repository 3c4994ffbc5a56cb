"""`reclass sync | extract | classify | train`: the way of songs up to their genre."""

from enum import StrEnum
from typing import Annotated

import typer

from portal.commands.output import print_json
from portal.commands.surroundings import DataOption, portal_at_hand
from portal.commands.terminal import Terminal

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (sync, extract, classify, train):
        app.command()(command)


def sync(
    library: Annotated[
        list[str] | None,
        typer.Option(
            help="Title of a music library; again for more. Without it: those of the settings, else all."
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option(help="Read the genres of every song, not only of changed ones.")
    ] = False,
    data: DataOption = None,
) -> None:
    """Read libraries, songs and their genres from Plex."""
    with portal_at_hand(data):
        from portal.commands.following import finish
        from portal.orchestration.start import start_sync

        finish(start_sync(library or (), full=full))


def extract(
    stage: Annotated[
        list[str] | None,
        typer.Option(
            "--stage",
            help="Vectors to make (a kind that `reclass embeddings` lists, or fma-native); again for more. Without it: "
            "those that are switched on and installed, and whole songs (fma-native) where the model in service has "
            "learned from these; all: the same, or an error.",
        ),
    ] = None,
    data: DataOption = None,
) -> None:
    """Extract the features of every song that lacks a vector of a stage."""
    with portal_at_hand(data):
        from portal.commands.following import exit_status, follow
        from portal.commands.songs.extracting import known_stages, report
        from portal.orchestration.start import start_extract

        stages = known_stages(stage or ())
        console = Terminal(soft_wrap=True)
        run = follow(start_extract(stages), console)
        all_done = report(run.result, console)
        if status := exit_status(run) or int(not all_done):
            raise typer.Exit(status)


def classify(
    again: Annotated[bool, typer.Option(help="Also songs that the model in service has classified.")] = False,
    data: DataOption = None,
) -> None:
    """Decide a genre for every song that the model in service has not classified."""
    with portal_at_hand(data):
        from portal.commands.following import finish
        from portal.orchestration.start import start_classify

        finish(start_classify(again=again))


class Promote(StrEnum):
    """What `--promote` takes."""

    IF_BETTER = "if-better"
    NEVER = "never"
    ALWAYS = "always"


def train(
    promote: Annotated[
        Promote,
        typer.Option(
            help="Put the new model into service: if it beats the one there on songs that neither learned from, "
            "never (it stays a candidate), or always. The first one always is."
        ),
    ] = Promote.IF_BETTER,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Learn from the vectors that are there; make none first.")
    ] = False,
    public_table: Annotated[
        bool,
        typer.Option(
            "--public-table",
            help="Learn from the imported FMA table too: all songs are analysed as a whole then, which takes longer.",
        ),
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Learn from the songs whose genre is known; vectors that these lack are made first."""
    with portal_at_hand(data):
        from portal.commands.following import finish
        from portal.commands.songs.learning import prepare, show_readiness, show_trained, trained_as_data
        from portal.orchestration.start import start_training
        from portal.training.preparing import Lacking

        console = Terminal(stderr=as_json, soft_wrap=True)
        show_readiness(console)
        if as_is:
            run = start_training(Lacking(), promote.value, public=public_table)
        else:
            run = prepare(console, promote.value, public=public_table)
        trained = finish(run, console)
        if as_json:
            print_json(trained_as_data(trained))
        else:
            show_trained(trained, console)
