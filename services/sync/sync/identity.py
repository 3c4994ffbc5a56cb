"""Whether a rating key still is what a caller means: Plex gives keys to other tracks and lists when it is made anew."""

import unicodedata
from dataclasses import dataclass

from sync.tracks import Track

LOCAL = "local://"
"""What Plex makes up for tracks that it does not know: it is like a rating key, and tells as little."""


@dataclass(frozen=True, kw_only=True)
class TrackIdentity:
    """What a caller knows of the track; what is empty is not known."""

    guid: str
    file: str
    title: str
    artist: str
    server_id: str = ""
    """Plex's machine identifier."""


def is_another(track: Track, meant: TrackIdentity) -> bool:
    """Whether Plex has another track under the key than the one that is meant.

    1. The same guid, or one of its files is the one: the same track.
    2. Both files are known, and differ: another one, or its file was moved or replaced, which the next reading of the
       library tells apart. Titles cannot: an artist has several tracks named "Intro".
    3. Where a file is not known, little can be compared: the same track if title and artist are.
    4. Where the caller does not know these either: another one if both guids are known, for they differ.
    """
    files = {part.file for part in track.parts if part.file}
    guids_known = all(guid and not guid.startswith(LOCAL) for guid in (track.guid, meant.guid))
    if (guids_known and track.guid == meant.guid) or meant.file in files:
        return False
    if files and meant.file:
        return True
    if not meant.title and not meant.artist:
        return guids_known
    return _names(track.title, track.artist) != _names(meant.title, meant.artist)


@dataclass(frozen=True, kw_only=True)
class SongListIdentity:
    """What is known of a playlist or collection; what is empty is not known."""

    guid: str
    title: str


def is_another_list(there: SongListIdentity, expected: SongListIdentity) -> bool:
    """Whether Plex has another list under the key.

    The guids say so where both are known, for a list may be renamed; else the titles.
    """
    if there.guid and expected.guid:
        return there.guid != expected.guid
    return bool(expected.title) and _names(there.title) != _names(expected.title)


def _names(*texts: str) -> list[str]:
    return [unicodedata.normalize("NFC", text).lower() for text in texts]
