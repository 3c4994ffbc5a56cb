"""The `reclass` command."""

import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from portal.commands import doctor, looking, songs, writing
from portal.commands.surroundings import DATA_VARIABLE

COMMANDS = "reclass.commands"


def make_app() -> typer.Typer:
    """All commands: the portal's own, and those that other installed members bring."""
    app = typer.Typer(
        name="reclass", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
    )
    app.callback()(reclass)
    for own in (doctor, songs, writing, looking):
        own.register(app)
    for found in sorted(entry_points(group=COMMANDS)):
        found.load()(app)
    return app


def reclass(
    data: Annotated[
        Path | None, typer.Option(help="Folder of the running system that is meant [env: RECLASS_DATA]")
    ] = None,
) -> None:
    """Give every song of a Plex library the genre that it sounds like."""
    if data is not None:
        os.environ[DATA_VARIABLE] = str(data)


def main() -> None:
    """Run a command."""
    make_app()()
