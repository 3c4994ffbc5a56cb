"""Splits songs so that no artist is on both sides and every side has its share of each genre."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Ints

HELD_OUT = 0
"""The fold of the first run that is the test part."""
OVERSHOOT = 1.5
"""A genre's test part may be so many times its share; an artist who would make it larger is passed over."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Which songs are predicted by models that learned from which others; the same for every stage of a training."""

    runs: tuple[NDArray[np.intp], ...]
    """[songs] the fold of each song, for each out-of-fold run; in the first run fold 0 is the test part."""

    def only(self, rows: Bools | NDArray[np.intp]) -> "Split":
        """The split of these songs."""
        return Split(runs=tuple(run[rows] for run in self.runs))

    @property
    def held_out(self) -> Bools:
        """[songs] the test part."""
        held_out: Bools = self.runs[0] == HELD_OUT
        return held_out


def split_songs(labels: Ints, groups: Ints, *, folds: int, repeats: int, seed: int) -> Split:
    """The test part and the rest in folds, then `repeats` - 1 further runs of other folds of all songs."""
    first = np.full(len(labels), HELD_OUT, dtype=np.intp)
    rest = ~held_out_songs(labels, groups, share=1 / folds, seed=seed)
    first[rest] = 1 + grouped_folds(labels[rest], groups[rest], folds=max(folds - 1, 2), seed=seed)
    others = (
        grouped_folds(labels, groups, folds=folds, seed=seed + 101 * repeat) for repeat in range(1, repeats)
    )
    return Split(runs=(first, *others))


def held_out_songs(labels: Ints, groups: Ints, *, share: float, seed: int) -> Bools:
    """The test part [songs]: of each genre about `share` of the songs, by whole artists.

    1. Each artist belongs to the genre of most of its songs.
    2. A genre's artists come in an order that depends only on them and the seed, and are taken until the share is full.
    3. At least one is taken, and one is left.

    So the next training tests on the same artists but for a few, however many songs have come since: two models can be
    compared on artists that neither of them learned from.
    """
    names, group_of = np.unique(groups, return_inverse=True)
    counts = genre_counts(labels, group_of)
    genre_of, sizes = counts.argmax(axis=1), counts.sum(axis=1)
    turn = lasting_order(names, seed)
    taken = np.zeros(len(names), dtype=np.bool_)
    for genre in np.unique(genre_of):
        own = turn[genre_of[turn] == genre]
        taken[first_artists(own, sizes, share * sizes[own].sum())] = True
    found: Bools = taken[group_of]
    return found


def first_artists(own: Ints, sizes: Ints, wanted: float) -> list[int]:
    """The first of these artists that make about the number of songs that is wanted."""
    taken: list[int] = []
    songs = 0
    for group in own:
        if songs >= wanted or len(taken) == len(own) - 1:
            break
        if songs + sizes[group] <= max(OVERSHOOT * wanted, sizes[own].min()):
            taken.append(int(group))
            songs += int(sizes[group])
    return taken


def lasting_order(names: Ints, seed: int) -> Ints:
    """Indices of the names in an order drawn for each name by itself (the finaliser of splitmix64)."""
    begin = np.uint64((int(seed) + 1) * 0x9E3779B97F4A7C15 % 2**64)
    mixed = names.astype(np.int64).view(np.uint64) + begin
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable")


def grouped_folds(labels: Ints, groups: Ints, *, folds: int, seed: int) -> NDArray[np.intp]:
    """The fold, 0 to folds - 1, of each song; all songs of a group share one.

    1. Take the groups largest first, those of one size in an order drawn by the seed.
    2. Put each into the fold that holds the least of the genres which it brings; of equal ones, the smallest.

    So two artists of one genre never meet in a fold while another fold has none of that genre, which
    scikit-learn's StratifiedGroupKFold does not promise.
    """
    _, group_of = np.unique(groups, return_inverse=True)
    counts = genre_counts(labels, group_of)
    folds = min(folds, len(counts))
    fractions = counts / np.maximum(counts.sum(axis=0), 1)
    held = np.zeros((folds, counts.shape[1]))
    sizes = np.zeros(folds)
    fold_of_group = np.zeros(len(counts), dtype=np.intp)
    for group in largest_first(counts.sum(axis=1), seed):
        overlap = held @ fractions[group]
        fold = np.lexsort((sizes, overlap))[0]
        fold_of_group[group] = fold
        held[fold] += fractions[group]
        sizes[fold] += counts[group].sum()
    return fold_of_group[group_of]


def genre_counts(labels: Ints, group_of: Ints) -> NDArray[np.intp]:
    """Songs [groups, genres] of each genre in each group."""
    width = int(labels.max()) + 1
    cells = group_of.astype(np.intp) * width + labels
    return np.bincount(cells, minlength=(int(group_of.max()) + 1) * width).reshape(-1, width)


def largest_first(sizes: Ints, seed: int) -> Ints:
    """Indices by falling size; equal ones in an order drawn by the seed."""
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    return shuffled[np.argsort(-sizes[shuffled], kind="stable")]
