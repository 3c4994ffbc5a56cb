"""Fits several heads at once, each on one thread of the processor.

Products of large matrices gain from more threads, and little else of a fit does: two fits at once are through much
sooner than one after the other on two threads each. A training also comes out alike on any number of processors.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

MAX_BYTES = 5 * 2**29
"""What all fits at one time may hold beside the songs' vectors: memory, not time, limits a large library."""
COPIES = 2
"""Of the vectors, in each fit: its songs standardised, and radial basis functions of them or what else it makes."""

Item = TypeVar("Item")
Result = TypeVar("Result")
_workers: ContextVar[tuple[ThreadPoolExecutor, int] | None] = ContextVar("workers", default=None)
"""Threads, and their number."""


@contextmanager
def worker_threads(threads: int) -> Iterator[None]:
    """Give `parallel_map` so many threads within this context."""
    with ThreadPoolExecutor(threads, thread_name_prefix="fit") as workers:
        before = _workers.set((workers, threads))
        try:
            yield
        finally:
            _workers.reset(before)


def parallel_map(work: Callable[[Item], Result], items: Sequence[Item], *, bytes_each: int) -> list[Result]:
    """`work` of each item, in their order; as many at once as there are threads and memory.

    bytes_each : of the vectors that a fit copies. One after the other outside of `worker_threads`, and within the work
    of another: its thread has no workers of its own.
    """
    pool = _workers.get()
    at_once = min(pool[1], MAX_BYTES // max(1, COPIES * bytes_each)) if pool else 1
    if pool is None or at_once < 2:
        return [work(item) for item in items]
    workers, results = pool[0], list[Result]()
    for start in range(0, len(items), at_once):
        results.extend(workers.map(work, items[start : start + at_once]))
    return results
