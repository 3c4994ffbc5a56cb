"""Finds the system that a command is meant for, and turns what goes wrong into a sentence and an exit status."""

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from portal.commands.terminal import without_controls

DATA_VARIABLE = "RECLASS_DATA"
DATABASE_VARIABLE = "PORTAL_DATABASE_URL"
ENVIRONMENTS = "reclass.environment"

DataOption = Annotated[
    Path | None,
    typer.Option("--data", envvar=DATA_VARIABLE, help="Folder of the running system that is meant."),
]


class RefusalError(Exception):
    """The command cannot do what was asked; the message says why, and what to do."""


@contextmanager
def portal_at_hand(data: Path | None) -> Iterator[None]:
    """Set up Django for the system on `data`, else for the one that the process's own environment describes."""
    os.environ.update(_environment(data))
    # What needs settings may be imported only from here on.
    from django.core.exceptions import ValidationError
    from django.db import InterfaceError, OperationalError, ProgrammingError
    from runtime.errors import RemoteError
    from runtime.telemetry import configure_logging

    from portal.setup import set_up_django, unreachable_message

    configure_logging(service="reclass", level="warning", log_format="console")
    set_up_django()
    from portal.orchestration.start import CannotStart

    try:
        yield
    except (InterfaceError, OperationalError) as error:
        quit_with(unreachable_message(error))
    except ProgrammingError as error:
        if "does not exist" not in str(error):
            raise
        quit_with("The database has no tables of this version yet: run `python -m portal migrate`.")
    except (CannotStart, RefusalError, RemoteError) as error:
        quit_with(str(error))
    except ValidationError as error:
        quit_with(" ".join(error.messages))
    except UnicodeEncodeError as error:  # of a name that was typed: it may be any bytes
        quit_with(f"{error.object!r} is no text in UTF-8")


@contextmanager
def stoppable(outcome: str) -> Iterator[None]:
    """Say what has become of the work where Ctrl-C ends it; the command ends with the status of that."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write(f"reclass: stopped by Ctrl-C. {outcome}\n")
        raise


def quit_with(message: str, status: int = 1) -> None:
    """End the command with a sentence."""
    sys.stderr.write(f"reclass: {without_controls(message)}\n")
    raise typer.Exit(status)


def _environment(data: Path | None) -> dict[str, str]:
    if data is None and DATABASE_VARIABLE in os.environ:
        return {}
    found = list(entry_points(group=ENVIRONMENTS))
    if not found:
        if data is not None:
            quit_with("--data needs the standalone system (reclass-standalone), which is not installed here.")
        return {}
    try:
        environment: dict[str, str] = found[0].load()(data)
    except RuntimeError as error:
        quit_with(str(error))
    return environment


def whoever_types(command: str) -> str:
    """The command and the account that typed it, for the record."""
    try:
        return f"{command} ({getpass.getuser()})"
    except (KeyError, OSError):  # a container's user need not have a name
        return command
