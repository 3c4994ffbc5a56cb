"""When two spellings of a name, of an artist or a library, are the same, and whose song it is: pure."""

import re
import unicodedata
from collections.abc import Container

# As inference knows guests and artists that are joined; a test keeps the two together.
_GUESTS = re.compile(r"[\s(\[{（【〈/](?:(?:feat|ft|featuring)(?=[\s.:]|$)|w/|with\s)", re.IGNORECASE)
_AND = re.compile(
    r"\s?[,;，、/|•]\s?|\s(?:[-+&×x–—]|vs\.?|versus|and|und|et|con|y|e|presents)\s", re.IGNORECASE
)


def name_key(name: str) -> str:
    """What spellings of one name share, whichever form of Unicode and case they are in; empty where there is none."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def leading_artist(key: str, alone: Container[str]) -> str:
    """Whose song it is: without guests, and of "X & Y" X, where X is one of those who stand `alone`.

    key : the credit as `name_key` has it.
    """
    whole = without_guests(key)
    first = _AND.split(whole, maxsplit=1)[0]
    return first if first in alone else whole


def without_guests(key: str) -> str:
    """A credit up to its first guest; `key` as `name_key` has it."""
    return _GUESTS.split(key, maxsplit=1)[0].rstrip(" -–([{（【〈/") or key
