"""Splits songs so that no artist is on both sides and every side has its share of each genre."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer]


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
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    held = np.zeros((folds, counts.shape[1]))
    sizes = np.zeros(folds)
    fold_of_group = np.zeros(len(counts), dtype=np.intp)
    for group in largest_first(counts.sum(axis=1), seed):
        overlap = held @ shares[group]
        fold = np.lexsort((sizes, overlap))[0]
        fold_of_group[group] = fold
        held[fold] += shares[group]
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
