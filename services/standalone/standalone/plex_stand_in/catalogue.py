"""What the stand-in serves: libraries and tracks as plain data, kept in a JSON file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

DEFAULT_ADDED_TIME = 1_700_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class StandInTrack:
    """One track as the library has it before anybody edits it."""

    rating_key: int
    title: str
    file: str = ""
    """The path as the server names it; empty for a track without media."""
    artist: str = ""
    """The artist of the track, where it differs from the album's."""
    album_artist: str = ""
    album: str = ""
    year: int | None = None
    """Year of the album."""
    track_number: int | None = None
    disc_number: int | None = None
    duration_seconds: float | None = None
    genres: tuple[str, ...] = ()
    genres_locked: bool = False
    guid: str = ""
    """Empty: one made of the rating key. Copies of a recording share it."""
    added_time: int = DEFAULT_ADDED_TIME
    """Seconds since 1970."""
    local_file: str = ""
    """Where the bytes lie, when that is not where the server says that they are."""
    size_bytes: int | None = None
    """Size of a file that does not exist; None asks the disk."""
    modified_time: int = DEFAULT_ADDED_TIME
    """Time of the last change of a file that does not exist, in seconds since 1970."""
    more_parts: tuple[str, ...] = ()
    """Further files of the first version."""
    more_versions: tuple[tuple[str, ...], ...] = ()
    """Further versions of the track, each a list of files."""
    odd: Mapping[str, str] = field(default_factory=dict)
    """Attributes as they are sent, whatever they should be: of the Track element, and of each Part as "Part.size"."""

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The track that `asdict` was made of."""
        lists = {
            "genres": tuple(fields.get("genres", ())),
            "more_parts": tuple(fields.get("more_parts", ())),
            "more_versions": tuple(tuple(files) for files in fields.get("more_versions", ())),
        }
        return cls(**{**fields, **lists})

    def versions(self) -> tuple[tuple[str, ...], ...]:
        """The files of each version, best first."""
        first = ((self.file, *self.more_parts),) if self.file else ()
        return first + self.more_versions


@dataclass(frozen=True, kw_only=True)
class StandInLibrary:
    """One library of the server."""

    key: int
    title: str
    type: str = "artist"
    """Plex's word for its kind: artist (music), movie, show or photo."""
    locations: tuple[str, ...] = ()
    tracks: tuple[StandInTrack, ...] = ()
    films: tuple[str, ...] = ()
    """Titles of a library of films."""

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The library that `asdict` was made of."""
        tracks = tuple(StandInTrack.from_json(track) for track in fields.get("tracks", ()))
        lists = {name: tuple(fields.get(name, ())) for name in ("locations", "films")}
        return cls(**{**fields, **lists, "tracks": tracks})


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything that the stand-in knows at its first start."""

    libraries: tuple[StandInLibrary, ...]
    machine_identifier: str = "57a4d1n0000000000000000000000000000000ab"
    friendly_name: str = "Stand-in for Plex"

    def __post_init__(self) -> None:
        keys = [track.rating_key for library in self.libraries for track in library.tracks]
        if len(keys) != len(set(keys)):
            raise ValueError("two tracks of the catalogue have one rating key")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a catalogue that `save` wrote."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        libraries = tuple(StandInLibrary.from_json(library) for library in fields["libraries"])
        return cls(**{**fields, "libraries": libraries})

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")


def music_and_films(tracks: tuple[StandInTrack, ...], location: str) -> Catalogue:
    """A server with these tracks in "Music", a second music library and one of films, so that a client must choose."""
    return Catalogue(
        libraries=(
            StandInLibrary(key=1, title="Films", type="movie", locations=("/films",), films=("Metropolis",)),
            StandInLibrary(key=2, title="Music", locations=(location,), tracks=tracks),
            StandInLibrary(key=3, title="Audiobooks", locations=("/audiobooks",)),
        )
    )
