"""What sync tells of Plex: its server, libraries, lists and tracks."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class SkippedRow:
    """A row of a listing that Plex cannot show, between two that it can; these are empty at the listing's ends."""

    position: int
    before: str
    after: str

    def __str__(self) -> str:
        beside = " and ".join(f"“{each}”" for each in (self.before, self.after) if each)
        return f"row {self.position + 1}" + (f" (beside {beside})" if beside else "")


@dataclass(frozen=True, kw_only=True)
class PlexServer:
    """Who answers at the configured address."""

    machine_identifier: str
    name: str
    version: str
    supports_track_genres: bool
    server_time: datetime | None = None
    """What its clock says; None where it does not say."""


class ConnectionSource(StrEnum):
    """Where a part of the connection to Plex comes from."""

    NONE = "none"
    STORED = "stored"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, kw_only=True)
class PlexConnection:
    """Where address and token come from; what they are, nobody but sync knows."""

    url: ConnectionSource
    token: ConnectionSource
    trouble: str = ""
    """Why what the environment sets cannot be used; empty where it can."""

    @property
    def locked(self) -> bool:
        """Whether the environment holds it: either part there locks both."""
        return ConnectionSource.ENVIRONMENT in (self.url, self.token)

    @property
    def complete(self) -> bool:
        """Whether Plex is configured."""
        return ConnectionSource.NONE not in (self.url, self.token)


@dataclass(frozen=True, kw_only=True)
class PlexLibrary:
    """A music library."""

    key: str
    title: str
    track_count: int


@dataclass(frozen=True, kw_only=True)
class SongList:
    """A playlist or a collection."""

    key: str
    title: str
    entry_count: int
    guid: str = ""
    """Stays with the list when it gets another key; empty where Plex gives none."""


@dataclass(frozen=True, kw_only=True)
class GenreState:
    """A track's genres in Plex's order, and whether they are locked against a refresh."""

    genres: tuple[str, ...] = ()
    locked: bool = False

    def same_as(self, other: "GenreState") -> bool:
        """Equal for Plex, which keeps neither case nor, always, the order."""
        mine = sorted(genre.casefold() for genre in self.genres)
        return self.locked == other.locked and mine == sorted(genre.casefold() for genre in other.genres)

    def __str__(self) -> str:
        listed = ", ".join(self.genres) or "no genres"
        return f"{listed} ({'locked' if self.locked else 'not locked'})"


class Described(Protocol):
    """A song as a row or as Plex describes it."""

    @property
    def guid(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def artist(self) -> str: ...


class Meant(Described, Protocol):
    """What tells a track from another one under the same key, also of another server."""

    @property
    def server_id(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class PlexTrack:
    """A track; its genres only where full metadata was asked for."""

    rating_key: str
    guid: str
    title: str
    artist: str
    album_artist: str
    album: str
    year: int | None
    duration_seconds: float
    added_time: datetime | None
    updated_time: datetime | None
    file: str
    """Empty for a track without media."""
    part_key: str
    size_bytes: int
    """0 where Plex does not say."""
    other_files: tuple[str, ...]
    """Those of its other versions, the one to be tried first in front."""
    state: GenreState
    impossible: tuple[str, ...] = ()
    """Names of the values that Plex sent and that cannot be: they are unknown here."""
    library_key: str = ""


@dataclass(frozen=True, kw_only=True)
class MembersPage:
    """Some of the tracks in a playlist or a collection; one that is in it twice may come twice."""

    song_list: SongList
    """The list as Plex has it now."""
    tracks: tuple[PlexTrack, ...]


@dataclass(frozen=True, kw_only=True)
class TracksRead:
    """What Plex said of tracks that it was asked for by their keys; keys that it does not know are in neither."""

    found: dict[str, PlexTrack]
    unreadable: frozenset[str]
    """Plex has them, and fails whenever it is asked for them."""

    @property
    def present(self) -> set[str]:
        """The keys that Plex knows."""
        return self.found.keys() | self.unreadable


@dataclass(frozen=True, kw_only=True)
class Page:
    """Part of a listing."""

    tracks: tuple[PlexTrack, ...]
    total_size: int
    skipped: tuple[SkippedRow, ...] = ()
    """Those of its rows that Plex cannot show."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What an edit left."""

    after: GenreState
    changed: bool
    """False when the track already was as asked."""


@dataclass(frozen=True, kw_only=True)
class AudioFile:
    """What Plex says of a song's file before its bytes come."""

    size_bytes: int
    """Of the whole file; 0 where Plex does not say."""
    media_type: str
    part_key: str
    """Plex's address of the bytes."""
