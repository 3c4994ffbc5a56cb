"""How the stand-in behaves: what nobody could establish about Plex, and faults that every server has."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self, get_args, get_type_hints


class BehaviourError(ValueError):
    """A behaviour that does not exist; the message names those that do."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """Lasting traits of the server. The defaults are the kindest reading of Plex's documentation."""

    version: str = "1.41.3.9314-a0bfb8370"
    """Before 1.40 tracks have no genres and edits of them do nothing."""
    listing_genres: Literal["none", "two", "all"] = "two"
    """How many genres of a track a listing shows."""
    edit_mode: Literal["add", "replace"] = "add"
    """Whether the genres of an edit join those that the track has, or take their place."""
    spelling: Literal["kept", "reused", "capitalised", "spaced"] = "kept"
    """Whether a genre is stored as sent, as it was first spelled on this server, with capitals, or with spaces in place
    of underscores."""
    genre_order: Literal["kept", "sorted"] = "kept"
    """Whether a track's genres stand in the order in which they came, or in that of the alphabet."""
    vanished_edit: Literal["missing", "silent"] = "missing"
    """What an edit of a track that is gone answers: 404, or 200 as if it had been done."""
    refreshed_genres: Literal["dropped", "catalogue"] = "dropped"
    """What a metadata refresh makes of genres that are not locked."""
    ignores_edits: bool = False
    """Whether edits are answered as usual and change nothing."""
    honours_range: bool = True
    """Whether a file can be asked for from the middle on."""
    shifts_range: int = 0
    """By how many bytes the part of a file that is sent lies behind the one that was asked for."""
    ignores_sort: bool = False
    """Whether listings come in the order of titles whatever was asked."""
    list_guids: bool = True
    """Whether playlists and collections have a guid."""

    @property
    def has_track_genres(self) -> bool:
        """Whether this version knows genres on tracks."""
        major, minor = (int(part) for part in self.version.split(".")[:2])
        return (major, minor) >= (1, 40)

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """This behaviour with some traits replaced; refuses traits and values that do not exist."""
        hints = get_type_hints(type(self))
        for name, value in changes.items():
            if name not in hints:
                raise BehaviourError(f"no trait {name!r}; there are {', '.join(hints)}")
            allowed = get_args(hints[name])
            if allowed and value not in allowed:
                raise BehaviourError(f"{name} is {value!r}; allowed are {', '.join(allowed)}")
        return replace(self, **changes)


FaultKind = Literal[
    "status",  # answer `status` and an HTML page instead of doing the work
    "reset_before",  # drop the connection without doing the work
    "reset_after",  # do the work, then drop the connection instead of answering
    "hang",  # do not answer until the client goes away
    "slow",  # wait `seconds` before each kilobyte of the body
    "cut",  # send the whole length in the header and half of the body
    "shorten",  # send half of the body without saying how long it is, and end as if that were all
    "short_page",  # leave out the last `rows` rows of a listing, with the right totalSize
    "remove_after",  # take the tracks `rating_keys` away once the answer was made
    "change_after",  # make `changes` (see World.change) once the answer was made
    "web_page",  # answer 200 with a page that is not XML
    "login_page",  # answer 200 with a page that is XML, and not Plex's
    "echo_token",  # answer 500 with the token in the body, as a careless proxy does
]


Poison = Literal["status", "broken"]
"""How every answer fails that one track is in: with 500, or with XML that cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong with the next requests that match."""

    kind: FaultKind
    method: str = ""
    """GET or PUT; empty matches both."""
    path: str = "/"
    """The beginning of the request's path."""
    skip: int = 0
    """Matching requests that are let through first."""
    times: int = 1
    """How many requests it strikes; -1 is all of them."""
    status: int = 503
    location: str = "/identity"
    """Where a status of 300 to 399 sends on to."""
    seconds: float = 0.05
    rows: int = 1
    rating_keys: tuple[int, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """A fault out of a request to the control interface; refuses what does not exist."""
        names = [each.name for each in fields(cls)]
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise BehaviourError(f"no field {unknown[0]!r}; there are {', '.join(names)}")
        if values.get("kind") not in get_args(FaultKind):
            raise BehaviourError(
                f"kind is {values.get('kind')!r}; allowed are {', '.join(get_args(FaultKind))}"
            )
        return cls(**{**values, "rating_keys": tuple(values.get("rating_keys", ()))})


class Faults:
    """The faults that are still to strike."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let it strike from the next request on."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Behave from now on."""
        self._waiting.clear()

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request, counted off."""
        for index, fault in enumerate(self._waiting):
            if fault.method not in ("", method) or not path.startswith(fault.path):
                continue
            if fault.skip:
                self._waiting[index] = replace(fault, skip=fault.skip - 1)
                continue
            self._count_off(index)
            return fault
        return None

    def _count_off(self, index: int) -> None:
        fault = self._waiting[index]
        if fault.times == 1:
            del self._waiting[index]
        elif fault.times > 1:
            self._waiting[index] = replace(fault, times=fault.times - 1)
