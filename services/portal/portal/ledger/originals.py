"""What a song's genres in Plex were before we wrote any: pure."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One edit of ours that may stand in Plex."""

    before: tuple[str, ...]
    after: tuple[str, ...]


def same_genres(one: Iterable[str], other: Iterable[str]) -> bool:
    """Equal for Plex, which keeps neither case nor, always, the order."""
    return _identities(one) == _identities(other)


def original_genres(present: Sequence[str], edits: Iterable[Edit]) -> tuple[str, ...]:
    """What stood there before us, given what stands there now and our edits, the newest first.

    1. Where the present genres are what our newest edit wrote, that edit's genres before count as present.
    2. The same again with the edit before it, for one batch may have been written over another.
    3. An edit that wrote something else is passed over: it may not have been done, or Plex may have been put back to
       an earlier day, and what an older edit of ours wrote is as little a claim.
    4. Where no edit wrote what stands there, somebody chose it since, and it stays.
    """
    genres = tuple(present)
    for edit in edits:
        if same_genres(genres, edit.after):
            genres = edit.before
    return genres


def _identities(genres: Iterable[str]) -> list[str]:
    return sorted(unicodedata.normalize("NFC", genre).strip().casefold() for genre in genres)
