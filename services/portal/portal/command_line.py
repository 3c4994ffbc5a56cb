"""The `reclass` command."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from portal.commands import accounts, embeddings, looking, public, tokens, writing
from portal.commands.doctor import command as doctor
from portal.commands.models import command as models
from portal.commands.output import printing
from portal.commands.songs import command as songs
from portal.commands.surroundings import DATA_VARIABLE

COMMANDS = "reclass.commands"
# What a shell calls the end by Ctrl-C.
INTERRUPTED = 130


def make_app(arguments: Sequence[str] = ()) -> typer.Typer:
    """All commands: the portal's own, and those that other installed members bring.

    What the others need to import takes seconds, so they are left out where `arguments` begin with one of our own.
    """
    app = typer.Typer(
        name="reclass", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
    )
    app.callback()(reclass)
    for own in (doctor, songs, models, public, writing, looking, embeddings, tokens, accounts):
        own.register(app)
    names = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    } | {str(group.name) for group in app.registered_groups}
    if not names.intersection(arguments[:1]):
        for found in sorted(entry_points(group=COMMANDS)):
            found.load()(app)
    return app


def reclass(
    data: Annotated[
        Path | None, typer.Option(help="Folder of the running system that is meant; else RECLASS_DATA.")
    ] = None,
) -> None:
    """Give every song of a Plex library the genre that it sounds like."""
    if data is not None:
        os.environ[DATA_VARIABLE] = str(data)


def main() -> None:
    """Run a command. Ctrl-C ends also one that has only begun without a traceback."""
    try:
        with printing():
            make_app(sys.argv[1:])()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
