"""Whoever waits for songs: how long, and what ends when nobody does any more."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Cancellable(Protocol):
    """Work that can be given up."""

    def cancel(self) -> Any:
        """Give it up."""


class Caller:
    """One call's patience, and the work that is done for it. Safe to share between the threads of a stream."""

    def __init__(self, seconds_left: Callable[[], float | None]) -> None:
        self.seconds_left = seconds_left
        """Until the caller's deadline; None where there is none."""
        self._lock = threading.Lock()
        self._work: set[Cancellable] = set()
        self._gone = False

    @contextmanager
    def waiting_for(self, work: Cancellable) -> Iterator[None]:
        """Have `work` given up when the caller goes away meanwhile, also when that was before now."""
        with self._lock:
            self._work.add(work)
            gone = self._gone
        if gone:
            work.cancel()
        try:
            yield
        finally:
            with self._lock:
                self._work.discard(work)

    def leave(self) -> None:
        """Nobody waits any more."""
        with self._lock:
            self._gone = True
            work = tuple(self._work)
        for each in work:
            each.cancel()
