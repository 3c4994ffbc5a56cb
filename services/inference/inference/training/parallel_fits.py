"""Fits several heads at once, each on one thread of the processor.

Products of large matrices gain from more threads, and little else of a fit does: two fits at once are through much
sooner than one after the other on two threads each. A training also comes out alike on any number of processors.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

MOST_BYTES = 2**31
"""What the fits of one moment may copy of the songs' vectors: memory, not time, limits a large library."""
COPIES = 2
"""Of the vectors, in each fit: its songs, and the same standardised."""

Thing = TypeVar("Thing")
Result = TypeVar("Result")
_team: ContextVar[tuple[ThreadPoolExecutor, int] | None] = ContextVar("team", default=None)
"""Threads, and how many they are."""


@contextmanager
def working_with(threads: int) -> Iterator[None]:
    """Let what happens within be done by so many threads where it can be."""
    with ThreadPoolExecutor(threads, thread_name_prefix="fit") as workers:
        before = _team.set((workers, threads))
        try:
            yield
        finally:
            _team.reset(before)


def side_by_side(
    work: Callable[[Thing], Result], things: Sequence[Thing], *, bytes_each: int
) -> list[Result]:
    """What `work` gives for each thing, in their order; as many at once as there are threads and memory.

    bytes_each : of the vectors that a fit copies. One after the other outside of `working_with`, and within the work
    of another: its thread has no workers of its own.
    """
    team = _team.get()
    at_once = min(team[1], MOST_BYTES // max(1, COPIES * bytes_each)) if team else 1
    if team is None or at_once < 2:
        return [work(thing) for thing in things]
    workers, results = team[0], list[Result]()
    for start in range(0, len(things), at_once):
        results.extend(workers.map(work, things[start : start + at_once]))
    return results
