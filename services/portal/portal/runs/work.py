"""What a kind of run must say of itself, and what it is given to work with."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from portal.configuration import PortalSettings
from portal.remote.services import Services
from portal.runs.models import Run

# A person who stops a run does not feel this, and a query for each song costs more than many songs.
LOOK_EVERY_SECONDS = 0.2
# About a second of work.
QUICK_SONGS_AT_ONCE = 500


class RunFailedError(Exception):
    """The run as a whole cannot go on; the message says what to do."""


class RunInterruptedError(Exception):
    """The run is to be stopped, or its worker is; what is done so far counts."""


class Verdict(StrEnum):
    """How it went with one song."""

    DONE = "done"
    SKIPPED = "skipped"
    """It cannot be done for this song, now or later, and the run is none the worse for it."""
    FAILED = "failed"
    AGAIN = "again"
    """It may work in a while."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one song, with a sentence where it is not simply done."""

    verdict: Verdict
    message: str = ""


DONE = Outcome(verdict=Verdict.DONE)


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What the worker's process hands to every job."""

    services: Services
    settings: PortalSettings
    stopping: threading.Event
    """Set when the process is to end."""


@dataclass(kw_only=True)
class RunJob:
    """A run at work in a job."""

    run: Run
    services: Services
    settings: PortalSettings
    stopping: threading.Event
    quick_songs: int = 0
    """So many of the songs, the first that are selected, take no time: they go into large jobs."""
    _looked_time: float = field(default=0.0, init=False)

    def check(self) -> None:
        """Raise `RunInterruptedError` when somebody wants the run, or the worker, to stop. Cheap."""
        if self.stopping.is_set():
            raise RunInterruptedError
        if time.monotonic() - self._looked_time < LOOK_EVERY_SECONDS:
            return
        self._looked_time = time.monotonic()
        if not Run.objects.filter(pk=self.run.pk, state=Run.State.RUNNING).exists():
            raise RunInterruptedError

    def report(self, step: str, progress: float = 0.0) -> None:
        """Let people see how far a part is that is not counted in songs. Checks as well."""
        self.check()
        Run.objects.filter(pk=self.run.pk).update(step=step[:200], progress=progress)


class Work(ABC):
    """One kind of run. Everything may be done twice after a crash, and must come to the same."""

    songs_at_once: int | None = None
    """Songs in a job; None takes the setting."""

    @abstractmethod
    def select_songs(self, job: RunJob) -> Iterable[int]:
        """Do what comes before the songs; the ids of the tracks to work on."""

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Work on songs; each is stored before its outcome is handed over. Not asked of those that select none."""
        yield from ()

    @abstractmethod
    def summarise(self, run: Run) -> str:
        """All songs are through: the run's last message. In the transaction that ends the run."""

    def cancel(self, run: Run) -> None:  # noqa: B027 # most kinds have nothing to take back
        """The run failed or was stopped. In the transaction that ends the run. What was stored is right as it is."""
