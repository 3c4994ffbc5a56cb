"""Which edits turn a track's genres into those that are wanted, whether Plex adds to a list or replaces it."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from sync.errors import InvalidRequestError
from sync.tracks import GenreState


@dataclass(frozen=True, kw_only=True)
class GenreEdit:
    """One edit of one track."""

    genres: tuple[str, ...]
    """All that the track is to have afterwards, in order: right under a server that replaces."""
    remove: tuple[str, ...] = ()
    """All that it must lose: right under a server that adds."""
    locked: bool
    lock_only: bool = False
    """Whether the genres are right already and go unmentioned."""

    def parameters(self) -> dict[str, str]:
        """The edit as Plex's query parameters, yet to be encoded for a URL."""
        parameters = {"genre.locked": str(int(self.locked))}
        if self.lock_only:
            return parameters
        parameters |= {f"genre[{index}].tag.tag": name for index, name in enumerate(self.genres)}
        if self.remove:
            # Members are encoded once by themselves, so that a genre may hold a comma.
            parameters["genre[].tag.tag-"] = ",".join(quote(name) for name in self.remove)
        return parameters


def identity(name: str) -> str:
    """What two spellings of one genre have in common; Plex may change capitals."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def identities(names: Iterable[str]) -> list[str]:
    """The same for a list."""
    return [identity(name) for name in names]


def wanted_genres(names: Iterable[str]) -> tuple[str, ...]:
    """A caller's list without doubles. Raises InvalidRequestError for a genre without a name."""
    wanted: dict[str, str] = {}
    for name in names:
        if not identity(name):
            raise InvalidRequestError(
                "a genre is empty: leave it out, or send no genres to take every one away"
            )
        wanted.setdefault(identity(name), name.strip())
    return tuple(wanted.values())


def same_genres(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two lists hold the same genres, without regard to case or order."""
    return sorted(identities(one)) == sorted(identities(other))


def as_asked(state: GenreState, wanted: GenreState) -> bool:
    """Whether nothing is left to do."""
    return state.locked == wanted.locked and identities(state.genres) == identities(wanted.genres)


def next_edit(state: GenreState, wanted: GenreState) -> GenreEdit | None:
    """The edit to send to a track in `state`; None when it is as asked.

    1. Where only the lock differs, only the lock is sent.
    2. Genres that Plex already has are sent in Plex's spelling; a server that tells capitals apart would double them.
    3. A server that adds puts new genres last. So when those that stay do not begin the wanted list, the ones out of
       place are taken away first, and the next edit brings them back in order.
    """
    if as_asked(state, wanted):
        return None
    have, want = identities(state.genres), identities(wanted.genres)
    if have == want:
        return GenreEdit(genres=wanted.genres, locked=wanted.locked, lock_only=True)
    staying = [name for name in state.genres if identity(name) in want]
    in_place = 0
    while in_place < min(len(staying), len(want)) and identity(staying[in_place]) == want[in_place]:
        in_place += 1
    surplus = [name for name in state.genres if identity(name) not in want]
    if in_place == len(staying):
        genres = (*staying, *wanted.genres[in_place:])
        return GenreEdit(genres=genres, remove=tuple(surplus), locked=wanted.locked)
    remove = (*surplus, *staying[in_place:])
    return GenreEdit(genres=tuple(staying[:in_place]), remove=remove, locked=wanted.locked)


def half_done(state: GenreState, expected: GenreState, wanted: GenreState) -> bool:
    """Whether `state` is what our own first edit leaves behind on the way from `expected` to `wanted`."""
    first = next_edit(expected, wanted)
    return first is not None and same_genres(state.genres, first.genres)
