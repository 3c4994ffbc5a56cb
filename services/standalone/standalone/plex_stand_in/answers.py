"""Plex's XML answers, made of the world's plain values."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from posixpath import splitext
from typing import TypeVar

from standalone.plex_stand_in.catalogue import DEFAULT_ADDED_TIME, StandInLibrary, StandInTrack
from standalone.plex_stand_in.song_lists import SongList
from standalone.plex_stand_in.world import World

CODECS = {".mp3": "mp3", ".flac": "flac", ".ogg": "vorbis", ".opus": "opus", ".m4a": "aac", ".wav": "pcm"}
MEDIA_TYPES = {".mp3": "audio/mpeg", ".flac": "audio/flac", ".ogg": "audio/ogg", ".m4a": "audio/mp4"}
"""What is said with the bytes of a file."""
ANY_BYTES = "application/octet-stream"
PARTS_PER_TRACK = 100
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
)
ARTIST_KEYS = 500_000_000
ALBUM_KEYS = 600_000_000
FILM_KEYS = 700_000_000
KEYS_OF_LIBRARY = 1_000_000
Name = TypeVar("Name")


def element(name: str, attributes: Mapping[str, object], children: str = "") -> str:
    """An XML element; attributes that are None are left out, as Plex does."""
    # A listing of 100,000 tracks has two million attributes, and most of them need no escape.
    written = "".join(
        [
            f' {key}="{value}"' if type(value) is int else f' {key}="{str(value).translate(_ESCAPES)}"'
            for key, value in attributes.items()
            if value is not None
        ]
    )
    return f"<{name}{written}>{children}</{name}>" if children else f"<{name}{written}/>"


def container(items: Sequence[str] = (), **attributes: object) -> str:
    """A whole answer."""
    inside = element("MediaContainer", {"size": len(items), **attributes}, "".join(items))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{inside}\n'


def identity(world: World) -> dict[str, object]:
    """What the root says of the server."""
    return {
        "friendlyName": world.friendly_name,
        "machineIdentifier": world.machine_identifier,
        "version": world.behaviour.version,
        "claimed": 1,
        "platform": "Linux",
        "myPlex": 1,
        "allowSync": 1,
    }


def section(library: StandInLibrary) -> str:
    """One library in the list of them."""
    locations = "".join(
        element("Location", {"id": index, "path": path}) for index, path in enumerate(library.locations, 1)
    )
    attributes = {
        "key": library.key,
        "type": library.type,
        "title": library.title,
        "agent": "tv.plex.agents.music" if library.type == "artist" else "tv.plex.agents.movie",
        "scanner": "Plex Music" if library.type == "artist" else "Plex Movie",
        "language": "en-US",
        "uuid": f"00000000-0000-4000-8000-{library.key:012d}",
        "createdAt": DEFAULT_ADDED_TIME,
        "refreshing": 0,
    }
    return element("Directory", attributes, locations)


def track(world: World, rating_key: int, *, detailed: bool, names_library: bool = False) -> str:
    """A track as a listing shows it, or with all of its genres, their ids and its locks.

    Rows of playlists name their library, for there the answer as a whole has none.
    """
    item = world.track(rating_key)
    if item is None:
        raise LookupError(rating_key)
    library = world.library_of(rating_key)
    attributes = {
        "ratingKey": rating_key,
        "key": f"/library/metadata/{rating_key}",
        "guid": item.guid or f"plex://track/{rating_key:024x}",
        "type": "track",
        "title": item.title,
        "grandparentTitle": item.album_artist or None,
        "parentTitle": item.album or None,
        "originalTitle": item.artist if item.artist != item.album_artist else None,
        "parentYear": item.year,
        "index": item.track_number,
        "parentIndex": item.disc_number,
        "duration": round(item.duration_seconds * 1000) if item.duration_seconds else None,
        "addedAt": item.added_time,
        "updatedAt": world.updated_time(rating_key),
    }
    if detailed or names_library:
        attributes |= {"librarySectionTitle": library.title, "librarySectionID": library.key}
        attributes["librarySectionKey"] = f"/library/sections/{library.key}"
    children = _media(item) + _genres(world, rating_key, detailed=detailed)
    attributes |= {name: value for name, value in item.odd.items() if "." not in name}
    return element("Track", attributes, children)


def _media(item: StandInTrack) -> str:
    elements = []
    number = 0
    for version, names in enumerate(item.versions()):
        parts = "".join([_part(item, number + i, name) for i, name in enumerate(names)])
        number += len(names)
        suffix = splitext(names[0])[1]
        attributes = {"id": item.rating_key * PARTS_PER_TRACK + version, "container": suffix.lstrip(".")}
        elements.append(element("Media", {**attributes, "audioCodec": CODECS.get(suffix)}, parts))
    return "".join(elements)


def _part(item: StandInTrack, number: int, name: str) -> str:
    size, modified = _size_and_time(item, number)
    suffix = splitext(name)[1]
    part_id = item.rating_key * PARTS_PER_TRACK + number
    attributes = {
        "id": part_id,
        "key": f"/library/parts/{part_id}/{modified}/file{suffix}",
        "file": name,
        "size": size,
        "container": suffix.lstrip(".") or None,
        "duration": round(item.duration_seconds * 1000) if item.duration_seconds else None,
    }
    own = {name.partition(".")[2]: value for name, value in item.odd.items() if name.startswith("Part.")}
    return element("Part", attributes | own)


def local_path(item: StandInTrack, number: int) -> str:
    """Where the bytes of a track's part lie on this machine."""
    files = [name for names in item.versions() for name in names]
    return item.local_file if number == 0 and item.local_file else files[number]


def _size_and_time(item: StandInTrack, number: int) -> tuple[int | None, int]:
    if item.size_bytes is not None:
        return item.size_bytes, item.modified_time
    try:
        found = os.stat(local_path(item, number))
    except OSError:
        return None, DEFAULT_ADDED_TIME
    return found.st_size, int(found.st_mtime)


def _genres(world: World, rating_key: int, *, detailed: bool) -> str:
    if not world.behaviour.has_track_genres:
        return ""
    state = world.genre_state(rating_key)
    if not detailed:
        shown = {"none": 0, "two": 2, "all": None}[world.behaviour.listing_genres]
        return "".join(element("Genre", {"tag": name}) for name in state.genres[:shown])
    numbered = [(world.spelling.id_of(name), name) for name in state.genres]
    tags = [element("Genre", {"id": i, "filter": f"genre={i}", "tag": name}) for i, name in numbered]
    locks = [element("Field", {"locked": 1, "name": "genre"})] if state.locked else []
    return "".join(tags + locks)


def artists(library_key: int, tracks: Iterable[StandInTrack]) -> dict[int, str]:
    """What `all` of a music library lists when nothing says "tracks": its artists, by rating key."""
    return {
        key: _directory("artist", key, name)
        for key, name in _keyed(ARTIST_KEYS, library_key, map(_artist, tracks))
    }


def albums(library_key: int, tracks: Iterable[StandInTrack]) -> dict[int, str]:
    """The albums of a music library, by rating key."""
    return {
        key: _directory("album", key, album, artist)
        for key, (artist, album) in _keyed(ALBUM_KEYS, library_key, map(_album, tracks))
    }


def songs_below(library_key: int, tracks: Sequence[StandInTrack], rating_key: int) -> list[StandInTrack]:
    """The tracks of the artist or album with this key."""
    by_artist = dict(_keyed(ARTIST_KEYS, library_key, map(_artist, tracks))).get(rating_key)
    by_album = dict(_keyed(ALBUM_KEYS, library_key, map(_album, tracks))).get(rating_key)
    return [
        each
        for each in tracks
        if (by_artist is not None and _artist(each) == by_artist)
        or (by_album is not None and _album(each) == by_album)
    ]


def _artist(item: StandInTrack) -> str:
    return item.album_artist


def _album(item: StandInTrack) -> tuple[str, str]:
    return item.album_artist, item.album


def _keyed(first: int, library_key: int, names: Iterable[Name]) -> Iterator[tuple[int, Name]]:
    return zip(count(first + library_key * KEYS_OF_LIBRARY), dict.fromkeys(names), strict=False)


def _directory(kind: str, key: int, title: str, parent: str | None = None) -> str:
    attributes = {"ratingKey": key, "key": f"/library/metadata/{key}/children", "type": kind, "title": title}
    return element("Directory", {**attributes, "parentTitle": parent})


def song_list(world: World, each: SongList) -> str:
    """A playlist, or a collection of a library."""
    attributes: dict[str, object] = {"ratingKey": each.rating_key, "title": each.title, "smart": 0}
    if world.behaviour.list_guids:
        attributes["guid"] = each.guid
    entries = len(each.members)
    if each.library_key is None:
        attributes |= {
            "key": f"/playlists/{each.rating_key}/items",
            "type": "playlist",
            "playlistType": "audio",
        }
        return element("Playlist", attributes | {"leafCount": entries})
    attributes |= {"key": f"/library/collections/{each.rating_key}/children", "type": "collection"}
    return element(
        "Directory",
        attributes | {"subtype": each.subtype, "childCount": entries, "librarySectionID": each.library_key},
    )


def films(library: StandInLibrary) -> list[str]:
    """The films of a library."""
    keyed = [(FILM_KEYS + library.key * 1000 + i, title) for i, title in enumerate(library.films)]
    return [
        element(
            "Video", {"ratingKey": key, "key": f"/library/metadata/{key}", "type": "movie", "title": title}
        )
        for key, title in keyed
    ]
