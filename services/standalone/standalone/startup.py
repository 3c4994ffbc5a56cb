"""Waits until the parts of a system are healthy, or says which one is not, why, and what its log says."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path

from standalone.errors import PartFailedError
from standalone.folder import DataFolder
from standalone.readiness import Probe
from standalone.supervision import ProgramState, Supervision

POLL_SECONDS = 0.2
# A part may lose a race at the start once or twice; what dies three times will not live.
STARTS = 3
TAIL_LINES = 15
LONGEST_LINE = 300


class Progress(Enum):
    """How far the start of a part is."""

    STARTING = "starting"
    READY = "ready"


Observe = Callable[[str, Progress], None]


class Startup:
    """One start of a system, with one time limit for all of it."""

    def __init__(
        self, supervision: Supervision, folder: DataFolder, *, timeout_seconds: float, observe: Observe
    ) -> None:
        self._supervision = supervision
        self._folder = folder
        self._timeout_seconds = timeout_seconds
        self._deadline = time.monotonic() + timeout_seconds
        self._observe = observe

    def bring_up(self, names: Iterable[str], probes: Mapping[str, Probe]) -> None:
        """Start the programs at once and wait for all; a name without a probe must only keep running."""
        waiting = dict.fromkeys(names, "it did not answer")
        said_before = {name: _size(self.log_of(name)) for name in waiting}
        starts: dict[str, set[int]] = {name: set() for name in waiting}
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
                self._give_up_on(name, reason, states[name], len(starts[name]), said_before[name])
            time.sleep(POLL_SECONDS if waiting else 0)

    def log_of(self, name: str) -> Path:
        return self._folder.logs / f"{name}.log"

    def _give_up_on(self, name: str, reason: str, state: ProgramState, starts: int, said_before: int) -> None:
        if starts > STARTS or (starts == STARTS and state.ended):
            reason = f"it ended {starts} times as soon as it was started"
        elif time.monotonic() > self._deadline:
            reason = f"after {self._timeout_seconds:.0f} s still: {reason}"
        else:
            return
        log = self.log_of(name)
        raise PartFailedError(name, reason, log=log, tail=tail_of(log, said_before))


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
