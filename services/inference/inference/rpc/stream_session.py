"""Many songs of one caller: read while there is room, judged together, heard side by side, answered as they end."""

import contextvars
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

import grpc
from runtime.errors import RemoteError, ServiceError
from runtime.open_calls import IDLE_SECONDS, CallIdleError
from runtime.room import Room

from inference.classify.progressive import STAGE_FAILURES, Judge, Judging, Vote, finish, judge_together
from inference.classify.song_vectors import Hearing


class HasVote(Protocol):
    """What a stream works on."""

    @property
    def vote(self) -> Vote:
        """The vote that is to be brought to its end."""


Request = TypeVar("Request")
Case = TypeVar("Case", bound=HasVote)
MOST_ROWS = 256
"""Songs in one call of a head, as its configuration in Triton has it."""
LEAVE_TOGETHER = 32
"""Answers after which there is room again: waking the thread that reads costs more than an answer."""


@dataclass(frozen=True, kw_only=True)
class StreamLimits:
    """How much of one stream may be in the works."""

    songs: int
    content_bytes: int
    """Of files that were sent; a single one may be larger."""
    hearings: int
    """Songs that features hears for this stream at the same time."""
    idle_seconds: float = IDLE_SECONDS
    """How long it may stay open with nothing in the works."""


@dataclass(frozen=True, kw_only=True)
class Entry(Generic[Request, Case]):
    """A request, and its case or what was wrong with it before there was one."""

    request: Request
    case: Case | None = None
    failure: ServiceError | RemoteError | None = None

    def question(self) -> Hearing | Judging | None:
        """What it waits for; None when it is through."""
        return self.case.vote.question if self.case else None

    def outcome(self) -> Case:
        """Its case; raises what was wrong with the request."""
        if self.case is None:
            raise self.failure or AssertionError("neither a case nor a failure")
        return self.case


Arrival: TypeAlias = Request | Future[Entry[Request, Case]] | None
"""A request, one that has been heard, or the end."""


class SongStream(Generic[Request, Case]):
    """The songs of one caller.

    One thread reads, a few listen, and the caller's own judges and answers. It takes what has arrived by then and never
    waits for more, so that a lone song is answered at once and many share their calls of Triton.
    """

    def __init__(
        self,
        *,
        look: Callable[[], None] = lambda: None,
        begin: Callable[[Request], Case],
        size: Callable[[Request], int],
        judge: Judge,
        limits: StreamLimits,
    ) -> None:
        self._look = look  # before those that have arrived together begin
        self._begin = begin
        self._size = size
        self._judge = judge
        self._room = Room(songs=limits.songs, content_bytes=limits.content_bytes)
        self._arrived: queue.SimpleQueue[Arrival[Request, Case]] = queue.SimpleQueue()
        self._idle_seconds = limits.idle_seconds
        self._listening = ThreadPoolExecutor(limits.hearings, thread_name_prefix="listening")
        self._reading = True
        self._cancelled = False

    def answers(self, requests: Iterator[Request]) -> Iterator[Entry[Request, Case]]:
        """Each request once, as soon as it is through."""
        threading.Thread(target=self._read, args=(requests,), name="reading", daemon=True).start()
        try:
            while not self._cancelled and (self._reading or not self._room.is_empty()):
                answered: list[int] = []
                for entry in self._work(self._take()):
                    yield entry
                    # Only now, when gRPC has taken the answer: who does not read answers is not read from.
                    answered.append(self._size(entry.request))
                    if len(answered) == LEAVE_TOGETHER:
                        self._leave(answered)
                self._leave(answered)
        finally:
            self.cancel()
            self._listening.shutdown(wait=False, cancel_futures=True)

    def cancel(self) -> None:
        """Nobody waits for answers any more; safe to call from any thread."""
        self._cancelled = True
        self._room.close()
        self._arrived.put(None)

    def _leave(self, sizes: list[int]) -> None:
        self._room.leave(sum(sizes), songs=len(sizes))
        sizes.clear()

    def _read(self, requests: Iterator[Request]) -> None:
        # The iterator raises when the caller goes away, and `cancel` is called as well; or when his token was revoked,
        # which the server tells him after the last answer.
        with suppress(grpc.RpcError, ServiceError):
            for request in requests:
                if not self._room.enter(self._size(request)):
                    return
                self._arrived.put(request)
        self._arrived.put(None)

    def _take(self) -> list[Arrival[Request, Case]]:
        """What has arrived; waits for the first only."""
        taken = [self._first()]
        with suppress(queue.Empty):
            while len(taken) < MOST_ROWS:
                taken.append(self._arrived.get_nowait())
        return taken

    def _first(self) -> Arrival[Request, Case]:
        while True:
            with suppress(queue.Empty):
                return self._arrived.get(timeout=self._idle_seconds)
            if self._room.is_empty():
                raise CallIdleError(self._idle_seconds)

    def _work(self, arrivals: Sequence[Arrival[Request, Case]]) -> Iterator[Entry[Request, Case]]:
        self._look()
        entries = [self._entered(arrival) for arrival in arrivals if arrival is not None]
        if len(entries) < len(arrivals):
            self._reading = False
        while entries and not self._cancelled:
            yield from (entry for entry in entries if entry.question() is None)
            for entry in entries:
                if isinstance(entry.question(), Hearing):
                    self._listen(entry)
            entries = [entry for entry in entries if isinstance(entry.question(), Judging)]
            judge_together([entry.case.vote for entry in entries if entry.case], self._judge)

    def _entered(self, arrival: Request | "Future[Entry[Request, Case]]") -> Entry[Request, Case]:
        """A request that begins, or one that has been heard."""
        if isinstance(arrival, Future):
            return arrival.result()
        try:
            return Entry(request=arrival, case=self._begin(arrival))
        except STAGE_FAILURES as error:
            return Entry(request=arrival, failure=error)

    def _listen(self, entry: Entry[Request, Case]) -> None:
        # Listening calls features in the name of this request.
        context = contextvars.copy_context()
        self._listening.submit(context.run, self._heard, entry).add_done_callback(self._arrived.put)

    def _heard(self, entry: Entry[Request, Case]) -> Entry[Request, Case]:
        """What takes long is brought to its end at once: beside it a call of Triton for one song is nothing."""
        if entry.case:
            finish(entry.case.vote, self._judge)
        return entry
