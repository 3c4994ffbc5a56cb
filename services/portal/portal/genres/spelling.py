"""When two spellings of a genre are the same, and which genres a song's tags name: pure rules."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

# How taggers put several genres into one tag, the surest sign first: a list of lists is taken apart in this order.
# "&" and "and" count only between spaces: "R&B" is one genre.
_LIST = r"[;|\\\x00]"
_JOINTS = (
    re.compile(_LIST),
    re.compile(","),
    re.compile("/"),
    re.compile(r"\s(?:&|\+|and)\s", re.IGNORECASE),
)


@lru_cache(maxsize=20_000)  # a library of 100,000 songs has a few hundred tags
def normalised(spelling: str) -> str:
    """Letters and digits alone, without case and accents: "Hip-Hop / Rap" and "hip hop/rap" are one.

    A semicolon and its like stay, for no name of a genre has one: "Jazz; Blues" is not "Jazz Blues".
    """
    decomposed = unicodedata.normalize("NFKD", spelling.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    words = re.sub(_LIST, ";", plain.replace("&", "and").replace("+", "and"))
    return re.sub(r"[^\w;]+|_", "", words).strip(";")


def genres_of(tags: Iterable[str], genres_by_spelling: Mapping[str, int]) -> tuple[int, ...]:
    """Every genre that these tags name, in their order, each once. Keys are normalised spellings.

    A tag is first taken whole, so that no separator is guessed inside a known one ("Hip-Hop/Rap"). One that is unknown
    as a whole is taken apart, and counts where each of its parts is known ("Rock; Reggae"): else the known part
    ("Rock" of "Rock/Disco") would stand for a song that is as much something else.
    """
    return tuple(dict.fromkeys(genre for tag in tags for genre in _named(tag, genres_by_spelling, _JOINTS)))


def genre_of(tags: Iterable[str], genres_by_spelling: Mapping[str, int]) -> int | None:
    """The first genre that these tags name; None when none is known."""
    found = genres_of(tags, genres_by_spelling)
    return found[0] if found else None


def _named(tag: str, known: Mapping[str, int], joints: Sequence[re.Pattern[str]]) -> tuple[int, ...]:
    whole = known.get(normalised(tag))
    if whole is not None:
        return (whole,)
    for position, joint in enumerate(joints, 1):
        parts = [part for part in joint.split(tag) if part.strip()]
        if len(parts) > 1:
            named = [_named(part, known, joints[position:]) for part in parts]
            return tuple(genre for part in named for genre in part) if all(named) else ()
    return ()
