"""Libraries and tracks as Plex describes them in XML, read into plain values."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Self
from xml.etree.ElementTree import Element


@dataclass(frozen=True, kw_only=True)
class ServerIdentity:
    """Who a server says it is."""

    machine_identifier: str
    """The server's own id; empty when whoever answered is not Plex."""
    friendly_name: str
    version: str
    server_time: datetime | None = None
    """What its clock said when it was asked; None where it did not say."""

    @property
    def has_track_genres(self) -> bool:
        """Whether this version knows genres on tracks: 1.40 and later do."""
        numbers = [int(part) for part in self.version.split(".")[:2] if part.isdigit()]
        return numbers >= [1, 40]

    @classmethod
    def from_element(cls, root: Element) -> Self:
        """Read the answer of the server's root."""
        return cls(
            machine_identifier=root.get("machineIdentifier", ""),
            friendly_name=root.get("friendlyName", ""),
            version=root.get("version", ""),
        )


@dataclass(frozen=True, kw_only=True)
class MusicLibrary:
    """A music library of the server."""

    key: str
    title: str
    uuid: str
    locations: tuple[str, ...]
    """Folders as the server names them."""
    track_count: int = 0

    @classmethod
    def from_element(cls, directory: Element) -> Self:
        """Read one entry of the list of sections."""
        return cls(
            key=directory.get("key", ""),
            title=directory.get("title", ""),
            uuid=directory.get("uuid", ""),
            locations=tuple(location.get("path", "") for location in directory.iter("Location")),
        )


@dataclass(frozen=True, kw_only=True)
class MediaPart:
    """One file of a track."""

    key: str
    """Plex's address of the bytes."""
    file: str
    """The path as the server names it."""
    size_bytes: int
    """0 when Plex does not say."""
    container: str


@dataclass(frozen=True, kw_only=True)
class GenreState:
    """A track's genres, and whether they are locked against Plex's own refresh."""

    genres: tuple[str, ...] = ()
    locked: bool = False


@dataclass(frozen=True, kw_only=True)
class Track:
    """A track with all that a listing or its full metadata says."""

    rating_key: int
    guid: str
    title: str
    artist: str
    """The artist of this track, where it differs from the album's, else the album's."""
    album_artist: str
    album: str
    year: int
    """Of the track or else its album; 0 when Plex does not know it, as with every number here."""
    track_number: int
    disc_number: int
    duration_seconds: float
    added_time: int
    """Seconds since 1970."""
    updated_time: int
    """Seconds since 1970."""
    parts: tuple[MediaPart, ...]
    """Every file that can stand for the song, the one to be tried first in front."""
    library_key: str
    genre_state: GenreState
    """Complete only when it was read from full metadata."""

    @classmethod
    def from_element(cls, item: Element, library_key: str = "") -> Self:
        """Read a `Track` element. `library_key` is what its container says, for listings leave it out."""
        album_artist = item.get("grandparentTitle", "")
        return cls(
            rating_key=_number(item, "ratingKey"),
            guid=item.get("guid", ""),
            title=item.get("title", ""),
            artist=item.get("originalTitle") or album_artist,
            album_artist=album_artist,
            album=item.get("parentTitle", ""),
            year=_number(item, "year") or _number(item, "parentYear"),
            track_number=_number(item, "index"),
            disc_number=_number(item, "parentIndex"),
            duration_seconds=_number(item, "duration") / 1000,
            added_time=_number(item, "addedAt"),
            updated_time=_number(item, "updatedAt"),
            parts=_parts(item),
            library_key=item.get("librarySectionID") or library_key,
            genre_state=_genre_state(item),
        )


def tracks_of(container: Element, library_key: str = "") -> list[Track]:
    """The tracks in an answer; artists, albums and whatever else it holds are passed over."""
    section = container.get("librarySectionID") or library_key
    return [Track.from_element(item, section) for item in container.iter("Track")]


def music_libraries_of(container: Element) -> list[MusicLibrary]:
    """The music libraries in the list of sections."""
    directories: Iterable[Element] = container.iter("Directory")
    return [
        MusicLibrary.from_element(directory) for directory in directories if directory.get("type") == "artist"
    ]


def _parts(item: Element) -> tuple[MediaPart, ...]:
    """The files of all versions, these in Plex's own order.

    First come the files with which the versions begin. The further files of a version in several are a piece of the
    song each, better than nothing where no version's beginning is there.
    """
    versions = [[_part(part) for part in media.iter("Part")] for media in item.iter("Media")]
    return tuple(part for nth in zip_longest(*versions) for part in nth if part is not None)


def _part(part: Element) -> MediaPart:
    return MediaPart(
        key=part.get("key", ""),
        file=part.get("file", ""),
        size_bytes=_number(part, "size"),
        container=part.get("container", ""),
    )


def _genre_state(item: Element) -> GenreState:
    locked = any(field.get("name") == "genre" and field.get("locked") == "1" for field in item.iter("Field"))
    return GenreState(genres=tuple(genre.get("tag", "") for genre in item.findall("Genre")), locked=locked)


def _number(element: Element, name: str) -> int:
    text = element.get(name, "")
    return int(text) if text.lstrip("-").isdecimal() else 0
