"""When two spellings of a genre are the same: pure rules."""

import re
import unicodedata
from collections.abc import Iterable, Mapping


def normalised(spelling: str) -> str:
    """Letters and digits alone, without case and accents: "Hip-Hop / Rap" and "hip hop/rap" are one."""
    decomposed = unicodedata.normalize("NFKD", spelling.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return re.sub(r"[^\w]+|_", "", plain.replace("&", "and").replace("+", "and"))


def genre_of(tags: Iterable[str], genres_by_spelling: Mapping[str, int]) -> int | None:
    """The genre that the first known tag stands for; None when none is known. Keys are normalised spellings."""
    for tag in tags:
        found = genres_by_spelling.get(normalised(tag))
        if found is not None:
            return found
    return None
