"""Reads around the one row for which Plex fails: what was asked for is halved until that row stands alone."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sync.errors import ServerFailedError

ATTEMPTS = 3
LONGEST_RUN = 25
"""Rows that fail one after the other in a listing: odd songs are spread over it, so it is the server that is ill."""
LOOK_AGAIN_AFTER = 10
"""After so many rows that fail it is looked whether Plex is down by now."""
Row = TypeVar("Row")


@dataclass(kw_only=True)
class Read(Generic[Row]):
    """What could be read, in order, and the places of what could not."""

    rows: list[Row] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)


Ask = Callable[[int, int], Read[Row]]
"""Asks Plex for so many rows from a place on. Raises ServerFailedError."""


def read_around(
    ask: Ask[Row], start: int, size: int, *, alive: Callable[[], bool], longest_run: int = sys.maxsize
) -> Read[Row]:
    """The rows from `start` on, without those for which Plex fails every time. Usually one request.

    1. A failure that passes is one: the same is asked for once more.
    2. Where Plex fails at other things too (`alive` says no), it is down, and the failure is the answer.
    3. Halve; a row that stands alone is unreadable after three failures.
    4. Where a longer run of rows fails than odd ones make, or Plex fails at other things by now, the failure is the
       answer as well. Without `longest_run` none needs to be readable: whoever asks again for the odd rows alone must
       learn that they are odd.
    """
    for _ in range(2):
        try:
            return ask(start, size)
        except ServerFailedError as error:
            failure = error
    if size < 1 or not alive():
        raise failure
    read = _halved(ask, start, size, alive, longest_run)
    if not alive():
        raise failure
    return read


def _halved(ask: Ask[Row], start: int, size: int, alive: Callable[[], bool], longest_run: int) -> Read[Row]:
    read, run = Read[Row](), 0
    # The nearest range last, for it is taken from the end.
    waiting = [(start, size)]
    while waiting:
        place, count = waiting.pop()
        try:
            found = _asked(ask, place, count)
        except ServerFailedError:
            if count > 1:
                waiting += [(place + count // 2, count - count // 2), (place, count // 2)]
                continue
            found, run = Read(unreadable=[place]), run + 1
            if run > longest_run or (run % LOOK_AGAIN_AFTER == 0 and not alive()):
                raise
        else:
            run = 0
        read.rows += found.rows
        read.unreadable += found.unreadable
    return read


def _asked(ask: Ask[Row], place: int, count: int) -> Read[Row]:
    """One row is asked for several times before it is given up."""
    for _ in range(ATTEMPTS - 1 if count == 1 else 0):
        try:
            return ask(place, count)
        except ServerFailedError:
            continue
    return ask(place, count)
