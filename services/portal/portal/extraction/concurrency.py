"""Many calls at once, and never more of them in one process than are wanted."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class ConcurrencyLimit:
    """Shared by the jobs of a process: so many calls at once, whichever job they are of."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = 0

    @contextmanager
    def slot(self, count: int) -> Iterator[None]:
        """Wait until fewer than `count` are busy, and be busy."""
        with self._changed:
            self._changed.wait_for(lambda: self._busy < count)
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()


class AtOnce(Generic[Item, Result]):
    """Calls `action` with items in threads, at most `count` at a time; a slow item holds up no other.

    Iterated, it gives each item with its future as soon as that is through. Whoever stops iterating takes what was in
    the works then from `rest`, which waits for it.
    """

    def __init__(self, action: Callable[[Item], Result], items: Iterable[Item], *, count: int) -> None:
        self._action = action
        self._waiting = deque(items)
        self._count = count
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix="extracting")
        self._working: dict[Future[Result], Item] = {}

    def __iter__(self) -> Iterator[tuple[Item, Future[Result]]]:
        while self._waiting or self._working:
            while self._waiting and len(self._working) < self._count:
                item = self._waiting.popleft()
                # The request's id goes along, so that every log of this run bears it.
                future = self._pool.submit(copy_context().run, self._action, item)
                self._working[future] = item
            through, _ = wait(self._working, return_when=FIRST_COMPLETED)
            for future in through:
                yield self._working.pop(future), future

    def rest(self) -> Iterator[tuple[Item, Future[Result]]]:
        """What was begun and not taken yet. Nothing more is begun."""
        self._waiting.clear()
        self._pool.shutdown()
        yield from ((item, future) for future, item in self._working.items())
