"""What numbers, dates and texts of Plex can be: whatever else it sends becomes unknown, and is noted by its name."""

from xml.etree.ElementTree import Element

LARGEST_NUMBER = 2**31 - 1
LARGEST_SIZE = 2**63 - 1
LATEST_YEAR = 9999
# Of the year 2200. Later ones, and seconds that are milliseconds, are no dates; so far ahead clocks do not overflow.
LATEST_SECOND = 7_258_118_400
LONGEST_SECONDS = 366 * 24 * 3600
LONGEST_TEXT = 1000
LONGEST_GENRE = 10_000
"""A rollback brings back exactly what stood there, so a genre is not cut at the length of a title."""
MOST_GENRES = 1000
LONGEST_PATH = 10_000
LONGEST_GUID = 300
LONGEST_KEY = 500
LONGEST_ID = 50
LONGEST_LIBRARY = 300
_DIGITS = len(str(LARGEST_SIZE))


def number(element: Element, name: str, odd: list[str], most: int = LARGEST_NUMBER) -> int:
    """A whole number from 0 to `most`; 0, and its name in `odd`, for anything else that is there."""
    text = element.get(name)
    if not text:
        return 0
    if len(text) <= _DIGITS and text.isdecimal():
        value = int(text)
        if value <= most:
            return value
    odd.append(name)
    return 0


def count(text: str, most: int = LARGEST_NUMBER) -> int | None:
    """The whole number from 0 to `most` that the text is; None for anything else."""
    if len(text) <= _DIGITS and text.isdecimal():
        value = int(text)
        if value <= most:
            return value
    return None


def text(element: Element, name: str, odd: list[str], most: int = LONGEST_TEXT) -> str:
    """A text for people, cut at `most` characters, without what no message or database takes."""
    value = element.get(name, "")
    if fits(value, most):
        return value
    odd.append(name)
    return plain(value[:most])


def exact(element: Element, name: str, odd: list[str], most: int) -> str:
    """An address, path or id: empty where it cannot be one, for a piece of it would be another's."""
    value = element.get(name, "")
    if fits(value, most):
        return value
    odd.append(name)
    return ""


def fits(value: str, most: int) -> bool:
    """Whether a text can be taken as it is."""
    return len(value) <= most and "\0" not in value and (value.isascii() or plain(value) == value)


def plain(value: str) -> str:
    """Without NUL and halves of characters."""
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
