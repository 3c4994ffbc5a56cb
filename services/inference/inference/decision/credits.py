"""Whose song is it, and on whose album: artists and albums as tags name them, in the spellings that people use."""

import hashlib
import re
import unicodedata
from collections.abc import Container, Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.decision.evidence import NONE, AlbumKind

MANY_ARTISTS = 5
"""Whoever is the album artist of songs by more leading artists than this is the name of a compilation."""
# A guest follows. One bracket or blank is looked for, and those before it cut off afterwards: a run of them would cost
# the square of its length.
_GUESTS = re.compile(
    r"[\s(\[{（【〈/](?:(?:feat|ft|featuring)(?=[\s.:]|$)|w/|with\s)",
    re.IGNORECASE,
)
# Another artist follows, or the rest of one name: "Simon & Garfunkel", "Davis, Miles", "AC/DC".
_AND = re.compile(
    r"\s?[,;，、/|•]\s?|\s(?:[-+&×x–—]|vs\.?|versus|and|und|et|con|y|e|presents)\s", re.IGNORECASE
)
# Letters only, where \w would take the underscores that follow as well: two ways to read a run of them cost its square.
_UNKNOWN = r"(?:unknown|unbekannt[^\W_]*|inconnue?s?|desconocid[oa]s?|sconosciut[oi]|desconhecid[oa]s?)"
_PERSON = r"(?:artist[^\W_]*|interpret[^\W_]*|künstler[^\W_]*|album)"
_NOBODY = re.compile(rf"[\W_]*(?:{_PERSON}[\W_]*)?{_UNKNOWN}[\W_]*(?:{_PERSON}[\W_]*)?|未知[^\W_]*|")
# Of one word only those that are no artist of that name.
_COMPILATION = re.compile(
    r"v\W?a\W?|aa\W?vv\W?|various(?: artists?)?|varios(?: artistas)?|vários(?: artistas)?|artisti vari|"
    r"artistes divers|diverse (?:interpreten|artiesten)|verschiedene(?: interpreten)?|multi[- ]interpr[eè]tes|群星|"
    r"(?:original )?(?:motion picture )?soundtrack|original (?:cast|score)|ost|compilation"
)
_SOUNDTRACK = re.compile(
    r"\b(?:soundtracks?|o\W?s\W?t|(?:original |motion picture |film )scores?|banda sonora|colonna sonora|"
    r"bande originale|filmmusik|original (?:broadway |london )?cast)\b"
)


@dataclass(frozen=True, kw_only=True)
class Credit:
    """Whose song it is, as its tags say; what is unknown is empty."""

    song_id: str
    artist: str = ""
    album_artist: str = ""
    album: str = ""


@dataclass(frozen=True, kw_only=True)
class Positions:
    """Where songs stand in the tree of artists and albums; all arrays have one row a song."""

    albums: NDArray[np.int64]
    """Number of its album, or `NONE`."""
    artists: NDArray[np.int64]
    """Number of the artist whose album it is, or `NONE`."""
    kinds: NDArray[np.int64]
    """The `AlbumKind` of its album."""


def places(credits: Sequence[Credit]) -> "Positions":
    """Which album each song is on, whose, and of what kind."""
    leads, owners = leads_and_owners(credits)
    keys = [
        (owner or plain(each.album_artist) or lead, plain(each.album)) if plain(each.album) else None
        for each, owner, lead in zip(credits, owners, leads, strict=True)
    ]
    nobodys = [bool(each.album_artist) and not owner for each, owner in zip(credits, owners, strict=True)]
    return Positions(
        albums=_numbered(keys),
        artists=_numbered(
            None if nobody else owner or lead
            for nobody, owner, lead in zip(nobodys, owners, leads, strict=True)
        ),
        kinds=np.array(
            [kind_of(each.album, nobody) for each, nobody in zip(credits, nobodys, strict=True)],
            dtype=np.int64,
        ),
    )


def kind_of(title: str, is_nobodys: bool) -> AlbumKind:
    """The kind of an album, by its title and whether it is anybody's."""
    if _SOUNDTRACK.search(plain(title)):
        return AlbumKind.SOUNDTRACK
    return AlbumKind.COMPILATION if is_nobodys else AlbumKind.ARTIST


def is_nobody(album_artist: str) -> bool:
    """Whether an album artist is "Various Artists", or its like in other languages."""
    return bool(plain(album_artist)) and not lead_artist(album_artist)


def _numbered(keys: Iterable[Hashable]) -> NDArray[np.int64]:
    """A number for each different key, `NONE` for an empty one."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(key, len(known)) if key else NONE for key in keys], dtype=np.int64)


def lead_artist(name: str, known: Container[str] = frozenset()) -> str:
    """Whose song it is, without guests, in the form that spellings share; empty where nobody is named.

    Of artists that are joined ("X & Y", "X, Y") the first counts where it is one of those that are `known` to stand
    alone; else all of it is one name.

    >>> lead_artist("Björk feat. Rosalía"), lead_artist("Simon & Garfunkel"), lead_artist("Unknown Artist")
    ('björk', 'simon & garfunkel', '')
    """
    first = first_artist(name)
    lead = first if first in known else without_guests(name)
    return "" if _NOBODY.fullmatch(lead) or _COMPILATION.fullmatch(lead) else lead


def first_artist(name: str) -> str:
    """The first of artists that are joined, in the form that spellings share."""
    return _AND.split(without_guests(name), maxsplit=1)[0]


def without_guests(name: str) -> str:
    """A credit in the form that spellings share, up to the first guest."""
    whole = plain(name)
    return _GUESTS.split(whole, maxsplit=1)[0].rstrip(" -–([{（【〈/") or whole


def leads_and_owners(credits: Sequence[Credit]) -> tuple[list[str], list[str]]:
    """Of each song its leading artist (else its album's, else its own id), and the artist whose album it is on.

    A compilation has no owner: one by its name, or one that is seen to hold songs of many and to sing none.
    """
    known = {without_guests(name) for each in credits for name in (each.artist, each.album_artist)} - {""}
    artists = [lead_artist(each.artist, known) for each in credits]
    owners = [lead_artist(each.album_artist, known) for each in credits]
    on_albums: dict[str, set[str]] = {}
    for owner, artist in zip(owners, artists, strict=True):
        on_albums.setdefault(owner, set()).add(artist)
    series = {owner for owner, of in on_albums.items() if len(of) > MANY_ARTISTS} - set(artists)
    owners = ["" if owner in series else owner for owner in owners]
    leads = [
        artist or owner or f"song {each.song_id}"
        for artist, owner, each in zip(artists, owners, credits, strict=True)
    ]
    return leads, owners


def digest(name: str) -> int:
    """A number of 64 bits by which a name is kept, from training to training, without the name itself."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def plain(name: str) -> str:
    """A name in the form that spellings share."""
    seen = name.replace("\0", " ").replace("’", "'")
    if not seen.isascii():  # which has nothing of this, and most names are
        visible = "".join(each for each in seen if unicodedata.category(each) != "Cf")
        seen = unicodedata.normalize("NFKC", visible)
    return " ".join(seen.casefold().split())
