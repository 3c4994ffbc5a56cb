"""Waits until the parts of a system are healthy, or says which one is not, why, and what its log says.

A part that is at work when its time is over is waited for: on a machine under load, or at a first start, which
compiles, it is slow and not broken.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path

import psutil

from standalone.errors import PartFailedError
from standalone.host.data_folder import DataFolder
from standalone.processes.readiness import Probe
from standalone.processes.supervision import ProgramState, Supervision

POLL_SECONDS = 0.2
# A part may lose a race at the start once or twice; what dies three times will not live.
STARTS = 3
TIMEOUT_VARIABLE = "RECLASS_START_TIMEOUT_SECONDS"
# A part shows that it is at work by a line in its log, or by more of a processor than probes of its health cost it.
IDLE_SECONDS = 30.0
CPU_SECONDS_AT_WORK = 0.5
LOOK_SECONDS = 1.0
# What works for so many times the limit without coming to an end never will.
LONGEST = 10
TAIL_LINES = 15
LONGEST_LINE = 300


class Progress(Enum):
    """How far the start of a part is."""

    STARTING = "starting"
    LATE = "late"
    """Its time is over, and it is at work."""
    READY = "ready"


Observe = Callable[[str, Progress], None]


class Startup:
    """One start of a system, with one time limit for all of it."""

    def __init__(
        self,
        supervision: Supervision,
        folder: DataFolder,
        *,
        timeout_seconds: float,
        observe: Observe,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._supervision = supervision
        self._folder = folder
        self._timeout_seconds = timeout_seconds
        self._deadline = time.monotonic() + timeout_seconds
        self._observe = observe
        self._idle_seconds = idle_seconds
        self._late: set[str] = set()

    def bring_up(self, names: Iterable[str], probes: Mapping[str, Probe]) -> None:
        """Start the programs at once and wait for all; a name without a probe must only keep running."""
        waiting = dict.fromkeys(names, "it did not answer")
        said_before = {name: _size(self.log_of(name)) for name in waiting}
        starts: dict[str, set[int]] = {name: set() for name in waiting}
        work = {name: Work(self.log_of(name)) for name in waiting}
        for name in waiting:
            self._observe(name, Progress.STARTING)
            self._supervision.start_program(name)
        while waiting:
            states = self._supervision.states()
            for name in list(waiting):
                reason = _why_not(states[name], probes.get(name))
                if reason is None:
                    del waiting[name]
                    self._observe(name, Progress.READY)
                    continue
                waiting[name] = reason
                starts[name].add(states[name].started_at)
                work[name].look(states[name].pid)
                self._give_up_on_what_dies(name, states[name], len(starts[name]), said_before[name])
                self._be_patient_with(name, reason, work[name], said_before[name])
            time.sleep(POLL_SECONDS if waiting else 0)

    def log_of(self, name: str) -> Path:
        return self._folder.logs / f"{name}.log"

    def _give_up_on_what_dies(self, name: str, state: ProgramState, starts: int, said_before: int) -> None:
        if starts > STARTS or (starts == STARTS and state.ended):
            raise self._failure(name, f"it ended {starts} times as soon as it was started", said_before)

    def _be_patient_with(self, name: str, reason: str, work: "Work", said_before: int) -> None:
        """Past the time limit: say once that it is late, and go on while it is at work."""
        late_by = time.monotonic() - self._deadline
        if late_by <= 0:
            return
        if work.idle_seconds < self._idle_seconds and late_by < self._timeout_seconds * (LONGEST - 1):
            if name not in self._late:
                self._late.add(name)
                self._observe(name, Progress.LATE)
            return
        reason = (
            f"after {self._timeout_seconds + late_by:.0f} s still: {reason}. It is at work no more; where this machine "
            f"only needs longer, {TIMEOUT_VARIABLE} (now {self._timeout_seconds:.0f}) gives it more time"
        )
        raise self._failure(name, reason, said_before)

    def _failure(self, name: str, reason: str, said_before: int) -> PartFailedError:
        log = self.log_of(name)
        return PartFailedError(name, reason, log=log, tail=tail_of(log, said_before))


class Work:
    """Whether a part does anything: its log grows, or it and its children use a processor."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._size = _size(log)
        self._cpu_seconds = 0.0
        self._seen_at = time.monotonic()
        self._looked_at = 0.0

    @property
    def idle_seconds(self) -> float:
        """How long it has done nothing."""
        return time.monotonic() - self._seen_at

    def look(self, pid: int) -> None:
        """Compare with the last look that saw something."""
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        size, cpu_seconds = _size(self._log), cpu_seconds_of(pid)
        # A process that was started anew begins at nothing.
        used = cpu_seconds - self._cpu_seconds if cpu_seconds >= self._cpu_seconds else cpu_seconds
        if size != self._size or used > CPU_SECONDS_AT_WORK:
            self._size, self._cpu_seconds, self._seen_at = size, cpu_seconds, time.monotonic()


def cpu_seconds_of(pid: int) -> float:
    """What the process and those below it have used so far; nothing where it is gone."""
    try:
        process = psutil.Process(pid) if pid else None
        family = [process, *process.children(recursive=True)] if process else []
    except psutil.Error:
        return 0.0
    return sum(map(_cpu_seconds, family))


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def tail_of(log: Path, start: int = 0) -> str:
    """The last lines of a log, of those behind `start` bytes."""
    try:
        text = log.read_bytes()
    except OSError:
        return ""
    # A log that was begun anew is shorter than it was.
    new = text[start:] if len(text) > start else text
    lines = new.decode(errors="replace").strip().splitlines()[-TAIL_LINES:]
    return "\n".join(readable(line) for line in lines)


def readable(line: str) -> str:
    """A line of a log for a person: of a service's JSON what happened, and the last line of the exception."""
    try:
        entry = json.loads(line)
        event = f"{entry['level']}: {entry['event']}"
    except (ValueError, TypeError, KeyError):
        return line[:LONGEST_LINE]
    exception = str(entry.get("exception", "")).strip().splitlines()[-1:]
    return " - ".join([event, *exception])[:LONGEST_LINE]


def _why_not(state: ProgramState, probe: Probe | None) -> str | None:
    """A probe alone may be answered by something else on that port."""
    if not state.running:
        return "it does not run"
    return probe() if probe else None


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0
