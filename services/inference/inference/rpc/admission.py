"""How many calls may be in the works, and the refusal of those that are too many."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from inference.errors import TooManyCallsError


class Places:
    """So many calls and streams at the same time; one more is refused at once, for a queue would only hide that."""

    def __init__(self, *, calls: int, streams: int) -> None:
        self.calls = calls
        self.streams = streams
        self._calls = threading.BoundedSemaphore(calls)
        self._streams = threading.BoundedSemaphore(streams)

    @contextmanager
    def of_call(self) -> Iterator[None]:
        """Hold the place of a ClassifyTrack; raises TooManyCallsError when there is none."""
        with held(self._calls, f"{self.calls} ClassifyTrack calls are in the works, {MANY}"):
            yield

    @contextmanager
    def of_stream(self) -> Iterator[None]:
        """Hold the place of a ClassifyTracks; raises TooManyCallsError when there is none."""
        with held(self._streams, f"{self.streams} ClassifyTracks streams are open, {STREAMS}"):
            yield


MANY = (
    "as many as this service takes: wait a second and try again, or send the songs through one ClassifyTracks "
    "stream (INFERENCE_MAX_CALLS raises the limit)"
)
STREAMS = (
    "as many as this service takes: try again when one has ended, or send the songs through one that is open "
    "(INFERENCE_MAX_STREAMS raises the limit)"
)


@contextmanager
def held(places: threading.BoundedSemaphore, refusal: str) -> Iterator[None]:
    if not places.acquire(blocking=False):
        raise TooManyCallsError(refusal)
    try:
        yield
    finally:
        places.release()
