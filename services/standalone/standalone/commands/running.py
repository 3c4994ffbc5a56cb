"""Runs a system for a command: started, at work until a signal comes, and stopped whatever happens."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console

from standalone.commands.console import showing_start
from standalone.errors import StandaloneError
from standalone.system.lifecycle import System
from standalone.system.plan import Plan


@contextmanager
def as_command() -> Iterator[None]:
    """Within, signals stop what runs, and an error of ours becomes a sentence and exit status 1."""
    try:
        with stop_signals():
            yield
    except StandaloneError as error:
        sys.stderr.write(f"reclass: {error}\n")
        raise typer.Exit(1) from error


def run(plan: Plan, timeout_seconds: float, console: Console, work: Callable[[System], None]) -> None:
    """Start the system, call `work`, and stop the system when that has ended or a signal comes."""
    system = System(plan, timeout_seconds=timeout_seconds)
    try:
        with showing_start(console) as observe:
            system.start(observe)
        work(system)
    except KeyboardInterrupt:
        console.print("Stopping ...")
    finally:
        with signals_ignored():
            system.stop()
    console.print("Stopped.")


@contextmanager
def stop_signals() -> Iterator[None]:
    """SIGTERM and the end of the terminal stop the system as Ctrl-C does: the first of them, for the rest come while
    it stops."""
    with _handled(_interrupt_once):
        yield


@contextmanager
def signals_ignored() -> Iterator[None]:
    """A second Ctrl-C must not leave processes behind; a stop has a time limit of its own."""
    with _handled(signal.SIG_IGN):
        yield


def _interrupt_once(number: int, frame: object) -> NoReturn:
    """No second signal may break off what the first has begun to put away."""
    for each in _numbers():
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _numbers() -> list[signal.Signals]:
    numbers = [signal.SIGINT, signal.SIGTERM]
    # nohup has it ignored, and means it.
    return numbers if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [*numbers, signal.SIGHUP]


@contextmanager
def _handled(handler: Any) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _numbers()}
    try:
        yield
    finally:
        for number, earlier in before.items():
            if (
                signal.getsignal(number) == handler
            ):  # else one came: they stay ignored, to the end of the process
                signal.signal(number, earlier)
