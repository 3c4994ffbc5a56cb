"""Long calls and streams of songs: admission, backpressure, work side by side, and an end when the caller goes away."""

import contextvars
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import grpc

from runtime.errors import ServiceError
from runtime.open_calls import IDLE_SECONDS, CallIdleError

Request = TypeVar("Request")
Answer = TypeVar("Answer")
TAKEN_TOGETHER = 256
"""Requests of a stream that are begun together, if so many have arrived."""
LEAVE_TOGETHER = 32
"""Answers after which there is room again: waking the thread that reads costs more than an answer."""
ANSWERING_SECONDS = 0.5
ANSWERING_SHARE = 0.1
"""What is left of a caller's time for the answer to reach them: the smaller of both."""

LONGEST_SECONDS = 1e9
"""Thirty years: no wait for a lock or a future takes a limit that is much longer."""


class AdmissionLimit:
    """So many calls at the same time; one more is refused at once, for a queue would only hide that."""

    def __init__(self, limit: int, refusal: Callable[[], ServiceError]) -> None:
        self.limit = limit
        self._refusal = refusal
        self._free = threading.BoundedSemaphore(limit)

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Hold a place; raises the refusal where there is none."""
        if not self._free.acquire(blocking=False):
            raise self._refusal()
        try:
            yield
        finally:
            self._free.release()


class Cancellable(Protocol):
    """Work that can be given up."""

    def cancel(self) -> Any:
        """Give it up."""


class Caller:
    """How long a caller waits, and the work that is done for it. Safe to share between the threads of a stream."""

    def __init__(self, seconds_left: Callable[[], float | None]) -> None:
        self.seconds_left = seconds_left
        """Until the caller's deadline; None where there is none."""
        self._lock = threading.Lock()
        self._work: set[Cancellable] = set()
        self._gone = False

    def seconds_for_work(self) -> float | None:
        """Until the deadline, less what the answer takes to reach the caller; None where there is no deadline."""
        left = self.seconds_left()
        return None if left is None else max(0.0, left - min(ANSWERING_SECONDS, ANSWERING_SHARE * left))

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


@contextmanager
def caller_of(context: grpc.ServicerContext) -> Iterator[Caller]:
    """Whoever waits for the answer to this call; what is done for them ends with the call."""
    # Without the context, which holds `leave`: in a circle of the two a call would take up one of its connection's
    # streams until Python's garbage collection comes by.
    caller = Caller(partial(seconds_left, context.time_remaining))
    when_gone(context, caller.leave)
    try:
        yield caller
    finally:
        caller.leave()


def seconds_left(time_remaining: Callable[[], float | None]) -> float | None:
    """Until the caller's deadline; None where there is none, for which gRPC says 292,000,000,000 years."""
    left = time_remaining()
    return None if left is None or left > LONGEST_SECONDS else left


def when_gone(context: grpc.ServicerContext, stop: Callable[[], None]) -> None:
    """Have `stop` called when the caller goes away, also when that was before now."""
    if not context.add_callback(stop):
        stop()


class BackpressureWindow:
    """Counts the songs in the works, and the bytes of their messages; who finds no room waits.

    A single song may be larger than `content_bytes`.
    """

    def __init__(self, *, songs: int, content_bytes: int) -> None:
        self._limit_of_songs = songs
        self._limit_of_bytes = content_bytes
        self._changed = threading.Condition()
        self._songs = 0
        self._bytes = 0
        self._closed = False

    def enter(self, size: int) -> bool:
        """Wait for room for a song whose message has so many bytes; False when the window was closed meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._fits(size))
            self._songs += 1
            self._bytes += size
            return not self._closed

    def _fits(self, size: int) -> bool:
        if self._songs == 0:
            return True
        return self._songs < self._limit_of_songs and self._bytes + size <= self._limit_of_bytes

    def leave(self, size: int, songs: int = 1) -> None:
        """Songs with messages of so many bytes in all were answered."""
        with self._changed:
            self._songs -= songs
            self._bytes -= size
            self._changed.notify()

    def is_empty(self) -> bool:
        """Whether nothing is in the works."""
        with self._changed:
            return self._songs == 0

    def close(self) -> None:
        """Let nobody in any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


@dataclass(frozen=True, kw_only=True)
class StreamLimits:
    """How much of one stream may be in the works."""

    songs: int
    content_bytes: int
    """Of the messages of songs: files are the most of them, but any text in one may be as long. A single one may be
    larger."""
    workers: int
    """Threads for what takes long."""
    idle_seconds: float = IDLE_SECONDS
    """How long it may stay open with nothing in the works."""


@dataclass(frozen=True, kw_only=True)
class _Finished(Generic[Answer]):
    """An answer, and the size of its song's message, which takes up room until the caller has it."""

    answer: Answer
    size: int


Submit: TypeAlias = Callable[[Request, Callable[[], Answer]], None]
"""Has a thread of the stream work on a request; what the work returns is the answer."""
Begin: TypeAlias = Callable[[Sequence[Request], "Submit[Request, Answer]"], Iterable[tuple[Request, Answer]]]
"""Gives the answers to those requests that need no long work, and submits that of the others."""
_Arrival: TypeAlias = Request | Future[_Finished[Answer]] | None
"""A request, one whose work has ended, or the end of reading."""


def each_in_a_thread(work: Callable[[Request], Answer]) -> "Begin[Request, Answer]":
    """For requests that all take long."""

    def begin(
        requests: Sequence[Request], submit: "Submit[Request, Answer]"
    ) -> Iterable[tuple[Request, Answer]]:
        for request in requests:
            submit(request, partial(work, request))
        return ()

    return begin


class SongStream(Generic[Request, Answer]):
    """The songs of one caller: read while there is room, begun together, worked on side by side, answered as they end.

    One thread reads, several work, and the caller's own begins and answers. It takes what has arrived by then and never
    waits for more, so that a lone song is answered at once.
    """

    def __init__(
        self,
        *,
        begin: Begin[Request, Answer],
        size: Callable[[Request], int],
        limits: StreamLimits,
    ) -> None:
        self._begin = begin
        self._size = size
        self._window = BackpressureWindow(songs=limits.songs, content_bytes=limits.content_bytes)
        self._arrived: queue.SimpleQueue[_Arrival[Request, Answer]] = queue.SimpleQueue()
        self._idle_seconds = limits.idle_seconds
        self._workers = ThreadPoolExecutor(limits.workers, thread_name_prefix="working")
        self._reading = True
        self._cancelled = False

    def answers(self, requests: Iterator[Request]) -> Iterator[Answer]:
        """The answer to each request once, as soon as it is there."""
        threading.Thread(target=self._read, args=(requests,), name="reading", daemon=True).start()
        try:
            while not self._cancelled and (self._reading or not self._window.is_empty()):
                answered: list[int] = []
                for finished in self._finished(self._take()):
                    yield finished.answer
                    # Only now, when gRPC has taken the answer: who does not read answers is not read from.
                    answered.append(finished.size)
                    if len(answered) == LEAVE_TOGETHER:
                        self._leave(answered)
                self._leave(answered)
        finally:
            self.cancel()
            self._workers.shutdown(wait=False, cancel_futures=True)

    def cancel(self) -> None:
        """Nobody waits for answers any more; safe to call from any thread."""
        self._cancelled = True
        self._window.close()
        self._arrived.put(None)

    def _leave(self, sizes: list[int]) -> None:
        self._window.leave(sum(sizes), songs=len(sizes))
        sizes.clear()

    def _read(self, requests: Iterator[Request]) -> None:
        # The iterator raises when the caller goes away, and `cancel` is called as well; or when their token was
        # revoked, which the server tells them after the last answer.
        with suppress(grpc.RpcError, ServiceError):
            for request in requests:
                if not self._window.enter(self._size(request)):
                    return
                self._arrived.put(request)
        self._arrived.put(None)

    def _take(self) -> list[_Arrival[Request, Answer]]:
        """What has arrived; waits for the first only."""
        taken = [self._first()]
        with suppress(queue.Empty):
            while len(taken) < TAKEN_TOGETHER:
                taken.append(self._arrived.get_nowait())
        return taken

    def _first(self) -> _Arrival[Request, Answer]:
        while True:
            with suppress(queue.Empty):
                return self._arrived.get(timeout=self._idle_seconds)
            if self._window.is_empty():
                raise CallIdleError(self._idle_seconds)

    def _finished(self, arrivals: Sequence[_Arrival[Request, Answer]]) -> Iterator[_Finished[Answer]]:
        requests: list[Request] = []
        for arrival in arrivals:
            if arrival is None:
                self._reading = False
            elif isinstance(arrival, Future):
                yield arrival.result()
            else:
                requests.append(arrival)
        if requests and not self._cancelled:
            for request, answer in self._begin(requests, self._submit):
                yield _Finished(answer=answer, size=self._size(request))

    def _submit(self, request: Request, work: Callable[[], Answer]) -> None:
        # The work belongs to this call: its log lines bear the call's id, and what it calls is told it. The request is
        # not held any longer than the work does: the file that came with it may be large.
        finish = partial(self._finish, work, self._size(request))
        context = contextvars.copy_context()
        self._workers.submit(context.run, finish).add_done_callback(self._arrived.put)

    def _finish(self, work: Callable[[], Answer], size: int) -> _Finished[Answer]:
        return _Finished(answer=work(), size=size)
