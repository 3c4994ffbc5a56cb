"""Shows a run while workers are at it, and says how it ended."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

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
# Terminals have the words of the commands where pages have those of the buttons.
_COMMANDS = {Run.Kind.EXTRACT.value: "Extract", Run.Kind.PUSH.value: "Push"}
_TO_BE_TRIED_AGAIN = Q(state=RunSong.State.PENDING, attempts__gt=0)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """How far a run is."""

    run: Run
    total: int
    through: int
    failed: int
    again: int = 0
    """Songs that wait to be tried again."""
    trouble: str = ""
    """Why one of those has to be."""

    @property
    def ended(self) -> bool:
        return self.run.state not in Run.ACTIVE


def words(run: Run) -> str:
    """What a run does, as somebody says it who typed its command."""
    return _COMMANDS.get(run.kind, run.words)


def snapshot(run_id: int) -> Snapshot:
    """Look at a run."""
    run = Run.objects.get(pk=run_id)
    trouble = list(run.songs.filter(_TO_BE_TRIED_AGAIN).values_list("message", flat=True).order_by("pk"))
    return Snapshot(
        run=run,
        total=run.song_count,
        through=run.settled_count,
        failed=run.failed_count,
        again=len(trouble),
        trouble=trouble[-1] if trouble else "",
    )


def follow(run: Run, console: Terminal) -> Snapshot:
    """Show progress until the run has ended. Ctrl-C stops the run in an orderly way."""
    try:
        with displayed(run, console) as show:
            return _watch(run, show)
    except KeyboardInterrupt:
        return _stop(run, console)


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
    kind = words(seen.run)
    if not seen.total:
        return f"{kind}: {seen.run.step or 'waiting'} ({seen.run.progress:.0%})"
    rate = seen.through / seconds if seconds > 0 else 0.0
    left = f", {_duration((seen.total - seen.through) / rate)} left" if rate > 0 else ""
    again = f"; {seen.again} to be tried again: {seen.trouble}" if seen.again else ""
    return f"{kind}: {seen.through} of {seen.total} songs, {rate:.1f}/s{left}, {seen.failed} failed{again}"


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
        step = f"{words(seen.run)}: {seen.run.step}" if seen.run.step else None
        counted = {"total": seen.total, "completed": seen.through} if seen.total else {"total": None}
        if not seen.total and seen.run.progress:
            counted = {"total": 100, "completed": int(seen.run.progress * 100)}
        description = step or words(seen.run)
        again = f", {seen.again} again" if seen.again else ""
        self._progress.update(
            self._task,
            description=escape(without_controls(description)),
            failed=seen.failed,
            again=again,
            **counted,
        )
        self._say_trouble(seen.trouble)

    def _say_trouble(self, trouble: str) -> None:
        """Why songs are tried again, above the bar and once: it is too long for the bar's line."""
        if trouble and trouble != self._said:
            self._progress.console.print(f"Trying again: {trouble}")
            self._said = trouble


def _watch(run: Run, show: "Lines | Bar") -> Snapshot:
    asked = time.monotonic()
    warned = False
    while True:
        seen = _look(run)
        show.show(seen)
        if seen.ended:
            return seen
        if not warned and seen.run.state == Run.State.WAITING:
            warned = time.monotonic() - asked > WORKER_MISSED_AFTER_SECONDS
            if warned:
                _say_if_no_worker()
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


def _say_if_no_worker() -> None:
    lately = timezone.now() - timedelta(seconds=60)
    if not ProcrastinateWorker.objects.filter(last_heartbeat__gte=lately).exists():
        sys.stderr.write("No worker is running, so this waits: start one with `python -m portal worker`.\n")


def _stop(run: Run, console: Terminal) -> Snapshot:
    console.print("Stopping after the songs in progress …")
    stop(run)
    deadline = time.monotonic() + STOP_WITHIN_SECONDS
    while not (seen := snapshot(run.pk)).ended and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_SECONDS)
    return seen


def exit_status(seen: Snapshot) -> int:
    """0 only when what was asked is done: songs that cannot be done are no failure, songs that failed are."""
    if seen.run.state in (Run.State.STOPPED, Run.State.STOPPING):
        return INTERRUPTED
    return 0 if seen.run.state == Run.State.DONE and not seen.failed else 1


def say_end(seen: Snapshot, console: Terminal) -> None:
    """How the run ended, and what failed or was skipped and why."""
    console.print(f"{words(seen.run)}: {summary(seen)}")
    for state, word in ((RunSong.State.FAILED, "failed"), (RunSong.State.SKIPPED, "skipped")):
        songs = seen.run.songs.filter(state=state).select_related("track").order_by("pk")
        for song in songs[:FAILURES_LISTED]:
            console.print(f"  {word}: {song.track}: {song.message}")
        more = songs.count() - FAILURES_LISTED
        if more > 0:
            console.print(f"  and {more} more {word}; the admin lists them all")


def summary(seen: Snapshot) -> str:
    """One sentence."""
    run = seen.run
    if run.state == Run.State.STOPPING:
        return "stopping; the songs in progress end by themselves. The next one goes on with the rest."
    counted = ""
    if seen.total:
        extras = [f"{n} {word}" for n, word in ((run.skipped_count, "skipped"), (seen.failed, "failed")) if n]
        counted = ", ".join([f"{run.done_count} of {seen.total} songs done", *extras])
    seconds = (run.finished_time - run.started_time) if run.finished_time and run.started_time else None
    took = f" in {_duration(seconds.total_seconds())}" if seconds and run.state == Run.State.DONE else ""
    return (
        ". ".join(part for part in (f"{counted}{took}" if counted else "", run.message) if part)
        or f"done{took}"
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"
