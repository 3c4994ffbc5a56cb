"""When two spellings of a genre are the same, and which genre a song's tags claim: pure rules."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

# How taggers put several genres into one tag. "&" and "and" count only between spaces: "R&B" is one genre.
_JOINTS = re.compile(r"[;/,|\\\x00]|\s(?:&|\+|and)\s", re.IGNORECASE)


@lru_cache(maxsize=20_000)  # a library of 100,000 songs has a few hundred tags
def normalised(spelling: str) -> str:
    """Letters and digits alone, without case and accents: "Hip-Hop / Rap" and "hip hop/rap" are one."""
    decomposed = unicodedata.normalize("NFKD", spelling.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return re.sub(r"[^\w]+|_", "", plain.replace("&", "and").replace("+", "and"))


def genre_of(tags: Iterable[str], genres_by_spelling: Mapping[str, int]) -> int | None:
    """The genre that the first known tag stands for; None when none is known. Keys are normalised spellings.

    A tag that is unknown as a whole ("Rock; Pop", "Salsa/Jazz") stands for the first of its parts that is known.
    """
    for tag in tags:
        for candidate in (tag, *_JOINTS.split(tag)):
            found = genres_by_spelling.get(normalised(candidate))
            if found is not None:
                return found
    return None
