"""What a song's genres in Plex were before we wrote any: pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One edit of ours that may stand in Plex."""

    before: tuple[str, ...]
    after: tuple[str, ...]


def same_genres(one: Iterable[str], other: Iterable[str]) -> bool:
    """Equal for Plex, which keeps neither case nor, always, the order."""
    return sorted(genre.casefold() for genre in one) == sorted(genre.casefold() for genre in other)


def original_genres(present: Sequence[str], edits: Iterable[Edit]) -> tuple[str, ...]:
    """What stood there before us, given what stands there now and our edits, the newest first.

    1. Where the present genres are what our newest edit wrote, that edit's genres before count as present.
    2. The same again with the edit before it, for one batch may have been written over another.
    3. Where they are not, somebody chose them since, and they stay.
    """
    genres = tuple(present)
    for edit in edits:
        if not same_genres(genres, edit.after):
            break
        genres = edit.before
    return genres
