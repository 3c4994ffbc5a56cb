"""The songs of one stage with their labels: which genres each names, whose word it is, whose music."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from inference.training.head import Array

Ints = NDArray[np.integer]
Bools = NDArray[np.bool_]


class LabelSource(IntEnum):
    """Whose word a label is; the numbers are those of the contract, and the stronger is the higher."""

    TAG = 1
    PUBLIC_TABLE = 2
    TAUGHT = 3
    OVERRIDE = 4


class SplitPart(IntEnum):
    """Which side of the split a song is on; the numbers are those of the contract."""

    TRAINING = 1
    VALIDATION = 2
    TEST = 3


@dataclass(frozen=True, kw_only=True)
class LabelledSongs:
    """The songs of one stage; all arrays have one row a song."""

    vectors: Array
    """[songs, n] joined vectors, float32, finite."""
    named: Bools
    """[songs, genres] the genres that the label names; at least one."""
    labels: Ints
    """[songs] the first of them, as an index into `genres`."""
    sources: Ints
    """[songs] a LabelSource."""
    groups: Ints
    """[songs] artist; songs of one are never on both sides of a split."""
    genres: tuple[str, ...]


def one_genre_each(
    vectors: Array, labels: Ints, groups: Ints, genres: tuple[str, ...], source: LabelSource = LabelSource.TAG
) -> LabelledSongs:
    """Songs whose labels name one genre, all on the same word."""
    return LabelledSongs(
        vectors=vectors,
        named=labels[:, np.newaxis] == np.arange(len(genres)),
        labels=labels,
        sources=np.full(len(labels), source),
        groups=groups,
        genres=genres,
    )


@dataclass(frozen=True, kw_only=True)
class Part:
    """Songs of learned genres only; positions among these stand for genres."""

    vectors: Array
    named: Bools
    labels: NDArray[np.intp]
    sources: Ints
    groups: Ints

    def only(self, rows: Bools | NDArray[np.intp]) -> "Part":
        """The songs of these rows."""
        return Part(
            vectors=self.vectors[rows],
            named=self.named[rows],
            labels=self.labels[rows],
            sources=self.sources[rows],
            groups=self.groups[rows],
        )

    def shares(self) -> Array:
        """[songs, genres] what each genre has of a song: a song of two genres is half a song of each."""
        shares: Array = self.named / self.named.sum(axis=1, keepdims=True, dtype=np.float32)
        return shares.astype(np.float32)

    @property
    def genre_count(self) -> int:
        """Genres that are learned."""
        return int(self.named.shape[1])


def of_learned_genres(songs: LabelledSongs, codes: Sequence[int]) -> tuple[NDArray[np.intp], Part]:
    """Rows of the songs that name one of these genres at least, and those songs."""
    named = songs.named[:, list(codes)]
    rows = np.flatnonzero(named.any(axis=1))
    position = np.full(len(songs.genres), -1, dtype=np.intp)
    position[list(codes)] = np.arange(len(codes))
    first = position[songs.labels[rows]]
    # The first genre of a song may be one that is not learned, while another of its genres is.
    labels = np.where(first >= 0, first, named[rows].argmax(axis=1))
    vectors = songs.vectors if len(rows) == len(songs.labels) else songs.vectors[rows]
    return rows, Part(
        vectors=vectors,
        named=named[rows],
        labels=labels,
        sources=songs.sources[rows],
        groups=songs.groups[rows],
    )


@dataclass(frozen=True, kw_only=True)
class AgreedLabels:
    """Labels of which no two contradict each other about one audio."""

    named: list[tuple[int, ...]]
    """Genres of each song, the first of them first."""
    contradictions: int
    """Songs whose label was another one than that of a copy of their audio."""


def agreed(named: Sequence[Sequence[int]], sources: Ints, copy_of: Sequence[int]) -> AgreedLabels:
    """One label for all copies of an audio: that of the strongest source; equal ones are joined.

    copy_of : the first song with the audio of each; its own row where there is no copy.
    """
    copies: dict[int, list[int]] = {}
    for row, first in enumerate(copy_of):
        copies.setdefault(first, []).append(row)
    labels = [tuple(genres) for genres in named]
    contradictions = 0
    for rows in copies.values():
        if len({frozenset(named[row]) for row in rows}) > 1:
            contradictions += len(rows)
            strongest = max(sources[row] for row in rows)
            words = [genre for row in rows if sources[row] == strongest for genre in named[row]]
            for row in rows:
                labels[row] = tuple(dict.fromkeys(words))
    return AgreedLabels(named=labels, contradictions=contradictions)
