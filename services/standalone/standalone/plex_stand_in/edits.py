"""What an edit of genres says, and what it makes of a track: no server, no storage."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from standalone.plex_stand_in.behaviour import Behaviour

GENRE_ADDED = re.compile(r"genre\[(\d+)\]\.tag\.tag")
GENRES_REMOVED = "genre[].tag.tag-"
UNDERSTOOD = {"id", "type", "genre.locked", GENRES_REMOVED, "X-Plex-Token"}


class EditError(ValueError):
    """An edit that the stand-in does not understand, so that no test relies on it by accident."""


@dataclass(frozen=True, kw_only=True)
class GenreState:
    """A track's genres and whether a metadata refresh must leave them alone."""

    genres: tuple[str, ...] = ()
    locked: bool = False


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One PUT on a library's items."""

    type: int
    rating_keys: tuple[int, ...] | None
    """None: every item of the type in the library, as Plex reads an edit without ids."""
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    locked: bool | None = None
    """None leaves the lock alone."""

    @classmethod
    def parse(cls, query: Iterable[tuple[str, str]]) -> Self:
        """Read the decoded pairs of the query string."""
        values = dict(query)
        added = {int(match[1]): values[name] for name in values if (match := GENRE_ADDED.fullmatch(name))}
        unknown = [name for name in values if name not in UNDERSTOOD and not GENRE_ADDED.fullmatch(name)]
        if unknown:
            raise EditError(f"the stand-in knows no edit of {unknown[0]!r}")
        removed = values.get(GENRES_REMOVED, "")
        return cls(
            type=int(values["type"]),
            rating_keys=tuple(int(key) for key in values["id"].split(",")) if "id" in values else None,
            add=tuple(added[index] for index in sorted(added)),
            # Members are encoded once more than the value, so that a genre may hold a comma.
            remove=tuple(unquote(member) for member in removed.split(",") if member),
            locked=bool(int(values["genre.locked"])) if "genre.locked" in values else None,
        )


def apply(edit: Edit, before: GenreState, behaviour: Behaviour, spell: Callable[[str], str]) -> GenreState:
    """The track's state after the edit. `spell` is how this server writes a genre."""
    if behaviour.ignores_edits or not behaviour.has_track_genres:
        return before
    kept = () if edit.add and behaviour.edit_mode == "replace" else before.genres
    removed = {name.casefold() for name in edit.remove}
    genres = {name.casefold(): name for name in kept}
    for name in edit.add:
        genres.setdefault(name.casefold(), spell(name))
    left = [name for key, name in genres.items() if key not in removed]
    return GenreState(
        genres=tuple(sorted(left) if behaviour.genre_order == "sorted" else left),
        locked=before.locked if edit.locked is None else edit.locked,
    )


def refreshed(state: GenreState, catalogue_genres: tuple[str, ...], behaviour: Behaviour) -> GenreState:
    """The track's state after a metadata refresh: what is locked stays."""
    if state.locked:
        return state
    return GenreState(genres=() if behaviour.refreshed_genres == "dropped" else catalogue_genres)


class Spelling:
    """How the server writes genres, and their ids; grows with every genre that it sees."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._ids: dict[str, int] = {}

    def learn(self, names: Iterable[str]) -> None:
        """Remember genres that tracks already have."""
        for name in names:
            self._first.setdefault(name.casefold(), name)
            self._ids.setdefault(name, len(self._ids) + 101)

    def spell(self, name: str, behaviour: Behaviour) -> str:
        """The way in which this server stores a genre that is sent to it."""
        if behaviour.spelling == "capitalised":
            return name[:1].upper() + name[1:]
        if behaviour.spelling == "spaced":
            return name.replace("_", " ")
        if behaviour.spelling == "reused":
            return self._first.get(name.casefold(), name)
        return name

    def id_of(self, name: str) -> int:
        """The tag's number."""
        self.learn([name])
        return self._ids[name]
