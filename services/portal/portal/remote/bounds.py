"""What a column can hold of numbers, dates and texts that services send: whatever else they send becomes unknown."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime

LATEST_YEAR = 9999
# Of the year 2200: so far ahead no calculation with it overflows.
LATEST_SECOND = 7_258_118_400
LARGEST_SIZE = 2**63 - 1
LARGEST_NUMBER = 2**31 - 1
LARGEST_SMALL_NUMBER = 2**15 - 1
LONGEST_SECONDS = 366 * 24 * 3600.0
LONGEST_TEXT, LONGEST_PATH, LONGEST_GUID, LONGEST_KEY, LONGEST_RATING_KEY = 1000, 10_000, 300, 500, 50
LONGEST_VERSION, LONGEST_NAME = 200, 100
LONGEST_GENRE, MOST_GENRES = 10_000, 1000
LARGEST_ENTRY = 2600
"""Bytes of an entry of an index; PostgreSQL refuses a row of which one would take more than 2704."""


def number(value: int, most: int = LARGEST_NUMBER) -> int:
    """The number, or 0 where it is not from 0 to `most`."""
    return value if 0 <= value <= most else 0


def seconds(value: float) -> float:
    """A length, or 0 where it is none."""
    return value if math.isfinite(value) and 0 <= value <= LONGEST_SECONDS else 0.0


def instant(stamp: int) -> datetime | None:
    """The instant so many seconds after 1970; None where there is none."""
    return datetime.fromtimestamp(stamp, UTC) if 0 < stamp <= LATEST_SECOND else None


def text(value: str, most: int = LONGEST_TEXT) -> str:
    """A text for people, without NUL, which no column takes; cut at `most` characters."""
    return value.replace("\0", "")[:most]


def indexed(*values: str) -> tuple[str, ...]:
    """Texts for people that one index holds together; where they are too long for it, each is cut to its share."""
    texts = tuple(map(text, values))
    if (
        4 * sum(map(len, texts)) <= LARGEST_ENTRY
        or sum(len(each.encode()) for each in texts) <= LARGEST_ENTRY
    ):
        return texts
    share = LARGEST_ENTRY // len(texts)
    return tuple(each.encode()[:share].decode(errors="ignore") for each in texts)


def exact(value: str, most: int) -> str:
    """An address, path or id; empty where it cannot be one, for a piece of it would be another's."""
    return value if len(value) <= most and "\0" not in value else ""


def genres(values: Iterable[str]) -> tuple[str, ...]:
    """Genres as a column takes them."""
    return tuple(text(value, LONGEST_GENRE) for value in values)[:MOST_GENRES]
