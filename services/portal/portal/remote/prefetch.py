"""Has the next answers under way while the last one is still worked on."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def prefetch(items: Iterator[Item]) -> Iterator[Item]:
    """The items in their order; a thread takes the next one while the caller has the last."""

    def take() -> Item | None:
        return next(items, None)

    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        # Calls in a thread carry the request id of the caller.
        taken = pool.submit(copy_context().run, take)
        while (item := taken.result()) is not None:
            taken = pool.submit(copy_context().run, take)
            yield item


def in_flight(ask: Callable[[Item], Answer], items: Iterable[Item], *, at_most: int) -> list[Answer]:
    """The answers in the order of the items, so many asked for at the same time. The first error is raised."""
    with ThreadPoolExecutor(at_most, thread_name_prefix="in-flight") as pool:
        asked = [pool.submit(copy_context().run, ask, item) for item in items]
        return [answer.result() for answer in asked]
