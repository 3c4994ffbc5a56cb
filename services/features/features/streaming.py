"""Many songs of one caller: read while there is room, heard side by side, answered as they end."""

import contextvars
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

import grpc
from runtime.errors import ServiceError
from runtime.open_calls import IDLE_SECONDS, CallIdleError
from runtime.room import Room

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class StreamLimits:
    """How much of one stream may be in the works."""

    songs: int
    content_bytes: int
    """Of files that were sent; a single one may be larger."""
    at_once: int
    """Songs that are heard at the same time."""
    idle_seconds: float = IDLE_SECONDS
    """How long it may stay open with nothing in the works."""


@dataclass(frozen=True, kw_only=True)
class _Through(Generic[Answer]):
    """An answer, and the room that its song takes up until the caller has it."""

    answer: Answer
    size: int


_Arrival: TypeAlias = "Future[_Through[Answer]] | None"
"""A song that is through, or the end of reading."""


class SongStream(Generic[Request, Answer]):
    """The songs of one caller. One thread reads, several hear, and the caller's own answers."""

    def __init__(
        self,
        *,
        hear: Callable[[Request], Answer],
        size: Callable[[Request], int],
        limits: StreamLimits,
    ) -> None:
        self._hear = hear
        self._size = size
        self._room = Room(songs=limits.songs, content_bytes=limits.content_bytes)
        self._arrived: queue.SimpleQueue[_Arrival[Answer]] = queue.SimpleQueue()
        self._idle_seconds = limits.idle_seconds
        self._hearing = ThreadPoolExecutor(limits.at_once, thread_name_prefix="hearing")
        self._reading = True
        self._cancelled = False

    def answers(self, requests: Iterator[Request]) -> Iterator[Answer]:
        """The answer to each request once, as soon as it is there."""
        threading.Thread(target=self._read, args=(requests,), name="reading", daemon=True).start()
        try:
            while not self._cancelled and (self._reading or not self._room.is_empty()):
                arrival = self._next()
                if arrival is None:
                    self._reading = False
                    continue
                through = arrival.result()
                yield through.answer
                # Only now, when gRPC has taken the answer: who does not read answers is not read from.
                self._room.leave(through.size)
        finally:
            self.cancel()
            self._hearing.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> "_Arrival[Answer]":
        while True:
            with suppress(queue.Empty):
                return self._arrived.get(timeout=self._idle_seconds)
            if self._room.is_empty():
                raise CallIdleError(self._idle_seconds)

    def cancel(self) -> None:
        """Nobody waits for answers any more; safe to call from any thread."""
        self._cancelled = True
        self._room.close()
        self._arrived.put(None)

    def _read(self, requests: Iterator[Request]) -> None:
        # The iterator raises when the caller goes away or may not go on, and `cancel` is called as well.
        with suppress(grpc.RpcError, ServiceError):
            for request in requests:
                size = self._size(request)
                if not self._room.enter(size):
                    return
                # Every log line of the song bears the id of the stream's request.
                context = contextvars.copy_context()
                with suppress(RuntimeError):  # the executor was shut down: the caller is gone
                    self._hearing.submit(context.run, self._through, request, size).add_done_callback(
                        self._arrived.put
                    )
        self._arrived.put(None)

    def _through(self, request: Request, size: int) -> _Through[Answer]:
        return _Through(answer=self._hear(request), size=size)
