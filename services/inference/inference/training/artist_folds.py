"""Which fold of a training each artist's songs were in, so that other songs of theirs are asked of that fold's head."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Ints
from inference.classify.verdicts import NO_FOLD
from inference.decision.credits import (
    Credit,
    digest,
    first_artist,
    lead_artist,
    leads_and_owners,
    without_guests,
)
from inference.training.dataset_files import LONGEST_NAME


@dataclass(frozen=True, kw_only=True)
class ArtistFolds:
    """Folds by artists, of whose names no more than digests are kept."""

    names: NDArray[np.int64]
    """[artists] digests, rising."""
    folds: NDArray[np.int16]
    """[artists] the fold of each; `NO_FOLD` for one who is in none, or in several."""

    def __contains__(self, name: object) -> bool:
        """Whether a name, in the form that spellings share, is one of the training's."""
        return isinstance(name, str) and self._place(name) is not None

    def fold_of(self, artist: str, album_artist: str) -> int:
        """The fold of a song's leading artist, else of whose album it is on, as a training groups them.

        `NO_FOLD` where neither has one.
        """
        names = [artist[:LONGEST_NAME], album_artist[:LONGEST_NAME]]
        known = _Known(artists=self, own=frozenset(map(without_guests, names)) - {""})
        folds = (self._fold(lead_artist(name, known)) for name in names)
        return next((fold for fold in folds if fold != NO_FOLD), NO_FOLD)

    def _fold(self, name: str) -> int:
        place = self._place(name) if name else None
        return NO_FOLD if place is None else int(self.folds[place])

    def _place(self, name: str) -> int | None:
        number = digest(name)
        place = int(np.searchsorted(self.names, number))
        return place if place < len(self.names) and self.names[place] == number else None


@dataclass(frozen=True, kw_only=True)
class _Known(Container[str]):
    """The names that stand alone: in the training, and in the song itself."""

    artists: ArtistFolds
    own: frozenset[str]

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self.artists


def artist_folds(credits: Sequence[Credit], folds: Ints) -> ArtistFolds:
    """The fold of each artist of a training; folds : [songs], `NO_FOLD` for a song that no head has learned from.

    An artist's own songs tell it, which are all in one fold. Of who leads none of them it is told by the songs on his
    albums, and by those of artists who are named with him first ("X & Y").
    """
    leads, owners = leads_and_owners(credits)
    songs = list(zip(credits, leads, owners, folds.tolist(), strict=True))
    found = dict.fromkeys((name for each in credits for name in _credited(each)), NO_FOLD)
    found |= _folds_of(
        (name, fold) for each, _, owner, fold in songs for name in (owner, first_artist(each.artist))
    )
    found |= _folds_of((lead, fold) for _, lead, _, fold in songs)
    digests = np.fromiter(map(digest, found), dtype=np.int64, count=len(found))
    order = np.argsort(digests)
    return ArtistFolds(names=digests[order], folds=np.fromiter(found.values(), dtype=np.int16)[order])


def _credited(credit: Credit) -> set[str]:
    return {without_guests(credit.artist), without_guests(credit.album_artist)} - {""}


def _folds_of(songs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """By name the one fold of its songs, `NO_FOLD` where there are several."""
    found: dict[str, int] = {}
    for name, fold in songs:
        if name and fold != NO_FOLD:
            found[name] = fold if found.get(name, fold) == fold else NO_FOLD
    return found
