"""The songs of one stage with their labels: which genres each names, whose word it is, whose music."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Array, Bools, Ints


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
class Dataset:
    """Labelled songs; all arrays have one row a song."""

    vectors: Array
    """[songs, n] concatenated vectors, float32, finite."""
    multi_hot: Bools
    """[songs, genres] the genres that the label names; at least one."""
    labels: Ints
    """[songs] the first of them, as an index into `genres`."""
    sources: Ints
    """[songs] a LabelSource."""
    groups: Ints
    """[songs] artist; songs of one are never on both sides of a split."""
    genres: tuple[str, ...]

    def only(self, rows: Bools | NDArray[np.intp]) -> "Dataset":
        """The songs of these rows."""
        arrays = {name: values for name, values in vars(self).items() if name != "genres"}
        return Dataset(genres=self.genres, **{name: values[rows] for name, values in arrays.items()})

    def followed_by(self, other: "Dataset") -> "Dataset":
        """These songs, and after them the other ones, of the same genres."""
        arrays = {name: values for name, values in vars(self).items() if name != "genres"}
        return Dataset(
            genres=self.genres,
            **{name: np.concatenate([values, getattr(other, name)]) for name, values in arrays.items()},
        )

    def of_genres(self, codes: Sequence[int]) -> tuple[NDArray[np.intp], "Dataset"]:
        """Rows of the songs that name at least one of these genres, and those songs with these genres alone."""
        multi_hot = self.multi_hot[:, list(codes)]
        rows = np.flatnonzero(multi_hot.any(axis=1))
        position = np.full(len(self.genres), -1, dtype=np.intp)
        position[list(codes)] = np.arange(len(codes))
        first = position[self.labels[rows]]
        return rows, Dataset(
            vectors=self.vectors if len(rows) == len(self.labels) else self.vectors[rows],
            multi_hot=multi_hot[rows],
            # The first genre of a song may be one that is left out, while another of its genres is not.
            labels=np.where(first >= 0, first, multi_hot[rows].argmax(axis=1)),
            sources=self.sources[rows],
            groups=self.groups[rows],
            genres=tuple(self.genres[code] for code in codes),
        )

    def digest(self) -> str:
        """SHA-256 of everything; equal trainings have equal ones."""
        sha = hashlib.sha256(json.dumps(self.genres).encode())
        for values in (self.labels, self.multi_hot, self.sources, self.groups, self.vectors):
            sha.update(np.ascontiguousarray(values).data)
        return sha.hexdigest()

    def soft_targets(self) -> Array:
        """[songs, genres] float32, each row sums to 1: a song of two genres is half a song of each."""
        targets: Array = self.multi_hot / self.multi_hot.sum(axis=1, keepdims=True, dtype=np.float32)
        return targets.astype(np.float32)


def single_label_dataset(
    vectors: Array, labels: Ints, groups: Ints, genres: tuple[str, ...], source: LabelSource = LabelSource.TAG
) -> Dataset:
    """Songs whose labels name one genre, all on the same word."""
    return Dataset(
        vectors=vectors,
        multi_hot=labels[:, np.newaxis] == np.arange(len(genres)),
        labels=labels,
        sources=np.full(len(labels), source),
        groups=groups,
        genres=genres,
    )


@dataclass(frozen=True, kw_only=True)
class MergedLabels:
    """Labels of which no two contradict each other about one audio."""

    genres: list[tuple[int, ...]]
    """Of each song, the first of them first."""
    sources: Ints
    """[songs] a LabelSource: whose word each label is; that of a copy where the stronger word was on it."""
    contradictions: int
    """Songs whose label was another one than that of a copy of their audio."""


def merge_copies(genres: Sequence[Sequence[int]], sources: Ints, copy_of: Sequence[int]) -> MergedLabels:
    """One label for all copies of an audio: that of the strongest source; those of equal strength are joined.

    genres : of each song; copy_of : the first song with the audio of each, its own row where there is no copy.
    """
    copies: dict[int, list[int]] = {}
    for row, first in enumerate(copy_of):
        copies.setdefault(first, []).append(row)
    labels = [tuple(own) for own in genres]
    whose = np.array(sources)
    contradictions = 0
    for rows in copies.values():
        if len({frozenset(genres[row]) for row in rows}) > 1:
            contradictions += len(rows)
            strongest = max(sources[row] for row in rows)
            named = [genre for row in rows if sources[row] == strongest for genre in genres[row]]
            whose[rows] = strongest  # or a person's word would pass for the tag of the copy that has one
            for row in rows:
                labels[row] = tuple(dict.fromkeys(named))
    return MergedLabels(genres=labels, sources=whose, contradictions=contradictions)
