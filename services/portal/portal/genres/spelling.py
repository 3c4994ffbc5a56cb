"""When two spellings of a genre are the same, and which genres a song's tags name: pure rules."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

IGNORED = -1
"""In place of a genre's id: a person has said that a tag says nothing of the genre."""

# How taggers put several genres into one tag, the surest sign first: a list of lists is taken apart in this order.
# "&" and "and" count only between spaces, for "R&B" is one genre, and so do dashes.
_LIST = r"[;|\\•\x00-\x1f]"
_COMMA = "[,、،]"
_SLASH = "[/⁄∕]"
_DASH = r"(?<=\s)[·‐-―−-]+(?=\s)"
_JOINTS = (
    re.compile(_LIST),
    re.compile(_COMMA),
    re.compile(_SLASH),
    re.compile(_DASH),
    re.compile(r"(?<=\s)(?:&|\+|and)(?=\s)", re.IGNORECASE),
)
# Each kind of separator is one sign in a normalised spelling. What stands within words is dropped.
_SIGNS = {"list": ";", "comma": ",", "slash": "/", "dash": "-", "and": "&", "within": "", "other": ":"}
_PIECE = re.compile(
    rf"(?P<list>{_LIST})|(?P<comma>{_COMMA})|(?P<slash>{_SLASH})|(?P<dash>{_DASH})|(?P<and>[&+]|(?<=\s)and(?=\s))"
    r"|(?P<within>[\s_.!?'’‘`´·・‐-―−\u00ad\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff-])|(?P<other>\W)"
)
# Accents of Latin, Greek and Cyrillic letters, points of Hebrew and signs of Arabic: people leave them out. Marks of
# other scripts are letters: without them the kana of "pop" are those of "hop", and the vowels of Hindi or Thai go.
_ACCENTS = re.compile(
    r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    r"\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]"
)
_SEVERAL = re.compile(r"[&;,/:-]{2,}")


@lru_cache(maxsize=20_000)  # a library of 100,000 songs has a few hundred tags
def normalised(spelling: str) -> str:
    """Letters, digits and separators, without case, accents and spaces: "Hip-Hop / Rap" and "hip hop/rap" are one.

    A separator stays, for "Folk, Rock" is not "Folk Rock", which is another genre; of several in a row one stays.
    """
    decomposed = unicodedata.normalize("NFKD", spelling.casefold())
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))
    signs = _PIECE.sub(_sign, plain)
    return _SEVERAL.sub(lambda several: min(several[0], key="&;,/-:".index), signs).strip(";,/-:")


def _sign(piece: re.Match[str]) -> str:
    if piece.lastgroup == "other" and unicodedata.category(piece[0]).startswith("M"):
        return piece[0]
    return _SIGNS[str(piece.lastgroup)]


def spelled(tag: str) -> str:
    """What a tag is looked up by: normalised, or as it is where that leaves nothing of it."""
    return normalised(tag) or unicodedata.normalize("NFKC", tag).strip()


def lookup(spellings: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The genre of each normalised spelling; of two genres the later one.

    One with a comma or its like is also found without ("Hip-Hop/Rap" as "Hip Hop Rap"), where that says no other genre.
    """
    known = dict(spellings)
    joined: dict[str, set[int]] = defaultdict(set)
    for spelling, genre in known.items():
        joined[re.sub("[;,/:-]", "", spelling)].add(genre)
    for spelling, genres in joined.items():
        if spelling and len(genres) == 1:
            known.setdefault(spelling, *genres)
    return known


def genres_of(tags: Iterable[str], genres_by_spelling: Mapping[str, int]) -> tuple[int, ...]:
    """Every genre that these tags name, in their order, each once. The mapping is one of `lookup`.

    A tag is first taken whole, so that no separator is guessed inside a known one ("Hip-Hop/Rap"). One that is unknown
    as a whole is taken apart, and counts where each of its parts is known ("Rock; Reggae"): else the known part
    ("Rock" of "Rock/Disco") would stand for a song that is as much something else.
    """
    named = (genre for tag in tags for genre in _named(tag, genres_by_spelling))
    return tuple(dict.fromkeys(genre for genre in named if genre != IGNORED))


def unknown_tags(tags: Iterable[str], genres_by_spelling: Mapping[str, int]) -> tuple[str, ...]:
    """Those of which nobody has said what they stand for. An empty one is none."""
    return tuple(tag for tag in tags if tag.strip() and not _named(tag, genres_by_spelling))


def all_unknown(tags: Sequence[str], genres_by_spelling: Mapping[str, int]) -> tuple[str, ...]:
    """A song's tags, where none of them is known and one at least is not ignored: what they say, nobody knows."""
    if genres_of(tags, genres_by_spelling):
        return ()
    return unknown_tags(tags, genres_by_spelling)


def _named(tag: str, known: Mapping[str, int]) -> tuple[int, ...]:
    """The genres of a tag, `IGNORED` among them; none where it, or a part of it, is unknown."""
    return _taken_apart(unicodedata.normalize("NFKC", tag), known, _JOINTS)


def _taken_apart(tag: str, known: Mapping[str, int], joints: Sequence[re.Pattern[str]]) -> tuple[int, ...]:
    whole = known.get(spelled(tag))
    if whole is not None:
        return (whole,)
    for position, joint in enumerate(joints, 1):
        parts = [part for part in joint.split(tag) if part.strip()]
        if len(parts) > 1:
            named = [_taken_apart(part, known, joints[position:]) for part in parts]
            return tuple(genre for part in named for genre in part) if all(named) else ()
    return ()
