"""The tags inside an audio file. A tag that cannot be read is an empty one, never an error."""

import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mutagen
from mutagen.apev2 import APEv2
from mutagen.asf import ASFTags
from mutagen.id3 import ID3, TCON
from mutagen.mp4 import MP4Tags

# A column of text for a person; a longer tag is damage, or lyrics in the wrong place.
MAX_CHARACTERS = 500
MAX_GENRES = 20
MAX_TEXTS = 200
# Of one text, before it is taken apart.
LONGEST = 20_000
# What mutagen lets through on damaged files beside its own errors.
DAMAGE = (
    mutagen.MutagenError,
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    TypeError,
)

FIELDS = ("title", "artist", "album", "album_artist", "genres")
KEYS: Mapping[type, Sequence[str]] = {
    ID3: ("TIT2", "TPE1", "TALB", "TPE2", "TCON"),
    MP4Tags: ("©nam", "©ART", "©alb", "aART", "©gen"),
    ASFTags: ("Title", "Author", "WM/AlbumTitle", "WM/AlbumArtist", "WM/Genre"),
    APEv2: ("Title", "Artist", "Album", "Album Artist", "Genre"),
}
VORBIS_KEYS = ("title", "artist", "album", "albumartist", "genre")


@dataclass(frozen=True, kw_only=True)
class FileTags:
    """What the file says of itself; empty where it says nothing."""

    title: str = ""
    artist: str = ""
    album: str = ""
    album_artist: str = ""
    genres: tuple[str, ...] = ()


def read_tags(path: str) -> FileTags:
    """The tags of the file at `path`, of whatever kind they are."""
    # Raw AAC, and MP3 with an APE tag alone, have tags that are none of their own format's.
    for read in (_tags_of_format, ID3, APEv2):
        try:
            tags = read(path)
            if tags is not None:
                return _file_tags(tags)
        except DAMAGE:
            continue
    return FileTags()


def _tags_of_format(path: str) -> Any:
    file = mutagen.File(path)
    return None if file is None else file.tags


def _file_tags(tags: Any) -> FileTags:
    keys = next((keys for kind, keys in KEYS.items() if isinstance(tags, kind)), VORBIS_KEYS)
    values = {field: _values(tags, key) for field, key in zip(FIELDS, keys, strict=True)}
    return FileTags(
        title=_first(values["title"]),
        artist=_first(values["artist"]),
        album=_first(values["album"]),
        album_artist=_first(values["album_artist"]),
        genres=_genres(values["genres"]),
    )


def _values(tags: Any, key: str) -> list[str]:
    """The texts under a key, whatever the kind of tag wraps them in."""
    value = tags.get(key)
    if value is None:
        return []
    if hasattr(value, "text"):  # an ID3 frame
        value = value.text
    texts = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    return [str(text)[:LONGEST] for text in texts[:MAX_TEXTS]]


def _clean(text: str) -> str:
    """Text that a message, a database and a person can take: no NUL, half character or line break, not endless."""
    whole = text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
    return " ".join(whole.split())[:MAX_CHARACTERS]


def _first(texts: Sequence[str]) -> str:
    return next((text for text in map(_clean, texts) if text), "")


def _genres(texts: Sequence[str]) -> tuple[str, ...]:
    """Each genre once, in order. Programs join several by NUL, line breaks or ";"; "/" and "," belong to names."""
    parts = [_clean(part) for text in texts for part in re.split(r"[;\0\r\n]", text)]
    # ID3's frame writes the numbers of ID3v1 out ("17", "(17)"), which other kinds of tags hold as well.
    genres: dict[str, str] = {}
    for name in (name for part in parts[:MAX_TEXTS] if part for name in _written_out(part)):
        if name:
            genres.setdefault(name.casefold(), name)
    return tuple(genres.values())[:MAX_GENRES]


def _written_out(text: str) -> list[str]:
    """The genres of one text; the text itself where it is no number that ID3 knows ("²" is a digit and no number)."""
    frame = TCON(encoding=3, text=[text])  # type: ignore[no-untyped-call] # mutagen types its modules in part
    try:
        return list(frame.genres)
    except ValueError:
        return [text]
