"""Libraries and tracks as Plex describes them in XML, read into plain values."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Self
from xml.etree.ElementTree import Element

from sync import bounds


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
        numbers = [bounds.count(part) for part in self.version.split(".")[:2]]
        return [each for each in numbers if each is not None] >= [1, 40]

    @classmethod
    def from_element(cls, root: Element) -> Self:
        """Read the answer of the server's root."""
        return cls(
            machine_identifier=bounds.exact(root, "machineIdentifier", [], bounds.LONGEST_ID),
            friendly_name=bounds.text(root, "friendlyName", []),
            version=bounds.text(root, "version", []),
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
            key=bounds.exact(directory, "key", [], bounds.LONGEST_ID),
            title=bounds.text(directory, "title", [], bounds.LONGEST_LIBRARY),
            uuid=bounds.exact(directory, "uuid", [], bounds.LONGEST_ID),
            locations=tuple(
                bounds.exact(location, "path", [], bounds.LONGEST_PATH)
                for location in directory.iter("Location")
            ),
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
    impossible: tuple[str, ...] = ()
    """Names of the values that Plex sent and that cannot be: they are unknown here."""

    @classmethod
    def from_element(cls, item: Element, library_key: str = "") -> Self:
        """Read a `Track` element. `library_key` is what its container says, for listings leave it out."""
        odd: list[str] = []
        album_artist = bounds.text(item, "grandparentTitle", odd)
        year = bounds.number(item, "year", odd, bounds.LATEST_YEAR)
        return cls(
            rating_key=bounds.number(item, "ratingKey", odd, bounds.LARGEST_SIZE),
            guid=bounds.exact(item, "guid", odd, bounds.LONGEST_GUID),
            title=bounds.text(item, "title", odd),
            artist=bounds.text(item, "originalTitle", odd) or album_artist,
            album_artist=album_artist,
            album=bounds.text(item, "parentTitle", odd),
            year=year or bounds.number(item, "parentYear", odd, bounds.LATEST_YEAR),
            track_number=bounds.number(item, "index", odd),
            disc_number=bounds.number(item, "parentIndex", odd),
            duration_seconds=bounds.number(item, "duration", odd, bounds.LONGEST_SECONDS * 1000) / 1000,
            added_time=bounds.number(item, "addedAt", odd, bounds.LATEST_SECOND),
            updated_time=bounds.number(item, "updatedAt", odd, bounds.LATEST_SECOND),
            parts=_parts(item, odd),
            library_key=bounds.exact(item, "librarySectionID", odd, bounds.LONGEST_KEY) or library_key,
            genre_state=_genre_state(item, odd),
            impossible=tuple(dict.fromkeys(odd)),
        )

    def __str__(self) -> str:
        return f"{self.artist} - {self.title} (rating key {self.rating_key})"


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


def _parts(item: Element, odd: list[str]) -> tuple[MediaPart, ...]:
    """The files of all versions, these in Plex's own order.

    First come the files with which the versions begin. The further files of a version in several are a piece of the
    song each, better than nothing where no version's beginning is there.
    """
    versions = [[_part(part, odd) for part in media.iter("Part")] for media in item.iter("Media")]
    return tuple(part for nth in zip_longest(*versions) for part in nth if part is not None)


def _part(part: Element, odd: list[str]) -> MediaPart:
    return MediaPart(
        key=bounds.exact(part, "key", odd, bounds.LONGEST_KEY),
        file=bounds.exact(part, "file", odd, bounds.LONGEST_PATH),
        size_bytes=bounds.number(part, "size", odd, bounds.LARGEST_SIZE),
        container=bounds.text(part, "container", odd),
    )


def _genre_state(item: Element, odd: list[str]) -> GenreState:
    locked = any(field.get("name") == "genre" and field.get("locked") == "1" for field in item.iter("Field"))
    named = (bounds.text(genre, "tag", odd, bounds.LONGEST_GENRE) for genre in item.findall("Genre"))
    # One without a name is none: no edit can bring it back, or take it away.
    genres = tuple(name for name in named if name.strip())
    if len(genres) > bounds.MOST_GENRES:
        odd.append("Genre")
    return GenreState(genres=genres[: bounds.MOST_GENRES], locked=locked)
