"""Which edits turn a track's genres into those that are wanted, whether Plex adds to a list or replaces it."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

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

    @property
    def length(self) -> int:
        """Characters that it takes in an address."""
        return len(urlencode(self.parameters()))


def identity(name: str) -> str:
    """What two spellings of one genre have in common; Plex may change capitals."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def identities(names: Iterable[str]) -> list[str]:
    """The same for a list, each once."""
    return list(dict.fromkeys(identity(name) for name in names))


def wanted_genres(names: Iterable[str]) -> tuple[str, ...]:
    """A caller's list without doubles. Raises InvalidRequestError for a genre without a name.

    Spellings stay as they are, several of one genre too: a Plex that tells "Rock" from "Rock " is to have both again.
    """
    wanted = tuple(dict.fromkeys(names))
    if not all(map(identity, wanted)):
        raise InvalidRequestError("a genre is empty: leave it out, or send no genres to take every one away")
    return wanted


def same_genres(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two lists hold the same genres, without regard to case or order."""
    return sorted(identities(one)) == sorted(identities(other))


def explained(state: GenreState, before: GenreState, wanted: GenreState) -> bool:
    """Whether an edit from `before` to `wanted` can have left `state`, also where Plex does not keep it as it was sent.

    It may have done half of it, or keep a genre in its own way: "Pop Rock" for "Pop_Rock", or what it takes for a list
    in pieces. Any other genre is somebody else's.
    """
    there, sent = {_letters(name) for name in before.genres}, [_letters(name) for name in wanted.genres]
    found = map(_letters, state.genres)
    return all(name in there or any(name in whole for whole in sent) for name in found)


def _letters(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(char for char in plain if char.isalnum()) or identity(name)


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
    kept = identities(staying)
    in_place = 0
    while in_place < len(kept) and kept[in_place] == want[in_place]:
        in_place += 1
    surplus = [name for name in state.genres if identity(name) not in want]
    if in_place == len(kept):
        missing = [name for name in wanted.genres if identity(name) not in kept]
        return GenreEdit(genres=(*staying, *missing), remove=tuple(surplus), locked=wanted.locked)
    first = [name for name in staying if identity(name) in kept[:in_place]]
    remove = (*surplus, *(name for name in staying if identity(name) in kept[in_place:]))
    return GenreEdit(genres=tuple(first), remove=remove, locked=wanted.locked)


def half_done(state: GenreState, expected: GenreState, wanted: GenreState) -> bool:
    """Whether `state` is what our own first edit leaves behind on the way from `expected` to `wanted`."""
    first = next_edit(expected, wanted)
    return first is not None and same_genres(state.genres, first.genres)
