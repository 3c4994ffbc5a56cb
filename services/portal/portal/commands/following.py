"""Shows a run while workers are at it, and says how it ended."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import typer
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateWorker
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from portal.commands.terminal import Terminal, without_controls
from portal.orchestration.start import stop
from portal.runs.models import Run, RunSong

LOOK_EVERY_SECONDS = 0.3
LINE_EVERY_SECONDS = 5.0
# A worker that is there takes a run within a second.
WORKER_MISSED_AFTER_SECONDS = 5.0
STOP_WITHIN_SECONDS = 20.0
INTERRUPTED = 130
FAILURES_LISTED = 10
# A supervisor has the database back within seconds; the run goes on meanwhile or afterwards, whoever looks on.
DATABASE_MISSED_FOR_SECONDS = 60.0
NO_WORKER = "No worker is running, so this waits: start one with `python -m portal worker`.\n"
# Terminals have the words of the commands where pages have those of the buttons.
_COMMANDS = {Run.Kind.EXTRACT.value: "Extract", Run.Kind.PUSH.value: "Push"}
_TO_BE_TRIED_AGAIN = Q(state=RunSong.State.PENDING, attempts__gt=0)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """How far a run is, and which of its songs are to be tried again."""

    run: Run
    again: int = 0
    """Songs that wait to be tried again."""
    trouble: str = ""
    """Why one of those has to be."""


def words(run: Run) -> str:
    """What a run does, as somebody says it who typed its command."""
    return _COMMANDS.get(run.kind, run.words)


def snapshot(run_id: int) -> Snapshot:
    """Look at a run."""
    run = Run.objects.get(pk=run_id)
    trouble = list(run.songs.filter(_TO_BE_TRIED_AGAIN).values_list("message", flat=True).order_by("pk"))
    return Snapshot(run=run, again=len(trouble), trouble=trouble[-1] if trouble else "")


def finish(run: Run, console: Terminal | None = None) -> Run:
    """Show a run and its end; the command ends with it unless all that was asked is done."""
    ended = follow(run, console or Terminal(soft_wrap=True))
    if status := exit_status(ended):
        raise typer.Exit(status)
    return ended


def follow(run: Run, console: Terminal) -> Run:
    """Show progress until the run has ended, and how that was. Ctrl-C stops the run in an orderly way."""
    try:
        with displayed(run, console) as show:
            ended = _watch(run, show)
    except KeyboardInterrupt:
        ended = _stop(run, console)
    say_end(ended, console)
    return ended


class Lines:
    """Progress as a line every few seconds, where there is no terminal to draw a bar on."""

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._started = self._last = time.monotonic()

    def show(self, seen: Snapshot) -> None:
        """Print a line if the last one is old enough."""
        now = time.monotonic()
        if now - self._last < LINE_EVERY_SECONDS:
            return
        self._last = now
        self._console.print(line_of(seen, now - self._started))


def line_of(seen: Snapshot, seconds: float) -> str:
    """Count, rate, time left and failures in a line."""
    run = seen.run
    if not run.song_count:
        return f"{words(run)}: {run.step or 'waiting'} ({run.progress:.0%})"
    through, total = run.settled_count, run.song_count
    rate = through / seconds if seconds > 0 else 0.0
    left = f", {_duration((total - through) / rate)} left" if rate > 0 else ""
    again = f"; {seen.again} to be tried again: {seen.trouble}" if seen.again else ""
    return f"{words(run)}: {through} of {total} songs, {rate:.1f}/s{left}, {run.failed_count} failed{again}"


class RateColumn(ProgressColumn):
    """Songs a second."""

    def render(self, task):  # type: ignore[no-untyped-def] # rich's own signature
        """As text."""
        return f"{task.speed:.1f}/s" if task.speed else "–/s"


@contextmanager
def displayed(run: Run, console: Terminal) -> Iterator["Lines | Bar"]:
    """Progress as it suits the console."""
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (
        # What is long gives way, so that a line stays a line on a narrow terminal.
        TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=3)),
        BarColumn(bar_width=None, table_column=Column(ratio=2)),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]} failed{task.fields[again]}", table_column=Column(no_wrap=True)),
    )
    with Progress(*columns, console=console, expand=True) as progress:
        yield Bar(progress, run)


class Bar:
    """Progress as a bar on a terminal."""

    def __init__(self, progress: Progress, run: Run) -> None:
        self._progress = progress
        self._task = progress.add_task(words(run), total=None, failed=0, again="")
        self._said = ""

    def show(self, seen: Snapshot) -> None:
        """Draw it."""
        run = seen.run
        description = f"{words(run)}: {run.step}" if run.step else words(run)
        total, completed = run.song_count, run.settled_count
        if not total and run.progress:
            total, completed = 100, int(run.progress * 100)
        self._progress.update(
            self._task,
            description=escape(without_controls(description)),
            failed=run.failed_count,
            again=f", {seen.again} again" if seen.again else "",
            total=total or None,
            completed=completed,
        )
        self._say_trouble(seen.trouble)

    def _say_trouble(self, trouble: str) -> None:
        """Why songs are tried again, above the bar and once: it is too long for the bar's line."""
        if trouble and trouble != self._said:
            self._progress.console.print(f"Trying again: {trouble}")
            self._said = trouble


def _watch(run: Run, show: "Lines | Bar") -> Run:
    asked = time.monotonic()
    warned = False
    while True:
        seen = _look(run)
        show.show(seen)
        if seen.run.state not in Run.ACTIVE:
            return seen.run
        if not warned and seen.run.state == Run.State.WAITING:
            warned = time.monotonic() - asked > WORKER_MISSED_AFTER_SECONDS
            if warned and not living_workers():
                sys.stderr.write(NO_WORKER)
        time.sleep(LOOK_EVERY_SECONDS)


def _look(run: Run) -> Snapshot:
    """A snapshot, also when the database is started anew meanwhile."""
    deadline = None
    while True:
        try:
            return snapshot(run.pk)
        except (OperationalError, InterfaceError):
            connection.close()
            if deadline is None:
                sys.stderr.write("The database does not answer; waiting for it. The run goes on by itself.\n")
                deadline = time.monotonic() + DATABASE_MISSED_FOR_SECONDS
            elif time.monotonic() > deadline:
                raise
        time.sleep(LOOK_EVERY_SECONDS)


def living_workers() -> int:
    """Workers that have reported within the last minute."""
    lately = timezone.now() - timedelta(seconds=60)
    return ProcrastinateWorker.objects.filter(last_heartbeat__gte=lately).count()


def _stop(run: Run, console: Terminal) -> Run:
    console.print("Stopping after the songs in progress …")
    stop(run)
    deadline = time.monotonic() + STOP_WITHIN_SECONDS
    run.refresh_from_db()
    while run.state in Run.ACTIVE and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_SECONDS)
        run.refresh_from_db()
    return run


def exit_status(run: Run) -> int:
    """0 only when what was asked is done: songs that cannot be done are no failure, songs that failed are."""
    if run.state in (Run.State.STOPPED, Run.State.STOPPING):
        return INTERRUPTED
    return 0 if run.state == Run.State.DONE and not run.failed_count else 1


def say_end(run: Run, console: Terminal) -> None:
    """How the run ended, and what failed or was skipped and why."""
    console.print(f"{words(run)}: {summary(run)}")
    for state, word in ((RunSong.State.FAILED, "failed"), (RunSong.State.SKIPPED, "skipped")):
        songs = run.songs.filter(state=state).select_related("track").order_by("pk")
        for song in songs[:FAILURES_LISTED]:
            console.print(f"  {word}: {song.track}: {song.message}")
        more = songs.count() - FAILURES_LISTED
        if more > 0:
            console.print(f"  and {more} more {word}; the admin lists them all")


def summary(run: Run) -> str:
    """One sentence."""
    if run.state == Run.State.STOPPING:
        return "stopping; the songs in progress end by themselves. The next one goes on with the rest."
    counted = ""
    if run.song_count:
        others = ((run.skipped_count, "skipped"), (run.failed_count, "failed"))
        extras = [f"{number} {word}" for number, word in others if number]
        counted = ", ".join([f"{run.done_count} of {run.song_count} songs done", *extras])
    seconds = (run.finished_time - run.started_time) if run.finished_time and run.started_time else None
    took = f" in {_duration(seconds.total_seconds())}" if seconds and run.state == Run.State.DONE else ""
    return (
        ". ".join(part for part in (f"{counted}{took}" if counted else "", run.message) if part)
        or f"done{took}"
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"
