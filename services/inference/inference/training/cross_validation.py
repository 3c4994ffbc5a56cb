"""Out-of-fold predictions: each song by a model of other artists, fitted like the one that will serve."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Array, Bools, Ints
from inference.classify.probabilities import softmax
from inference.evaluation.metrics import effective_labels
from inference.training.dataset import Dataset
from inference.training.fitting import Recipe, fit_head
from inference.training.head import Head
from inference.training.label_noise import ODDS_TO_DROP, find_label_errors, song_weights
from inference.training.parallel_fits import parallel_map
from inference.training.splits import grouped_folds
from inference.training.temperature_scaling import fit_temperature

INNER_FOLDS = 4
INNER_SONGS = 20_000
"""Wrong labels among the songs of a fit are looked for by models of at most so many of them."""


@dataclass(frozen=True, kw_only=True)
class OofScores:
    """Out-of-fold scores; rows of folds that were not asked for are 0."""

    logits: Array
    """[songs, genres]"""
    distances: Array
    """[songs] Mahalanobis distance from the songs that the fold's model learned from."""
    heads: Mapping[int, Head]
    """By fold, those that gave the scores."""


def predict_oof(
    songs: Dataset, folds: Ints, recipe: Recipe, *, seed: int, handle_noise: bool, only: Ints
) -> OofScores:
    """Scores for the songs of the folds `only`, each by a head of the songs of all other folds [songs]."""
    logits = np.zeros((len(folds), len(songs.genres)), dtype=np.float32)
    distances = np.zeros(len(folds), dtype=np.float32)

    def predict_fold(fold: int) -> Head:
        own = folds == fold
        head = fit_noise_robust(songs, recipe, seed=seed, handle_noise=handle_noise, among=~own)
        logits[own] = head.logits(songs.vectors[own])
        distances[own] = head.distances(songs.vectors[own])
        return head

    heads = parallel_map(predict_fold, only.tolist(), bytes_each=songs.vectors.nbytes)
    return OofScores(logits=logits, distances=distances, heads=dict(zip(only.tolist(), heads, strict=True)))


def fit_noise_robust(
    songs: Dataset, recipe: Recipe, *, seed: int, handle_noise: bool, among: Bools | None = None
) -> Head:
    """The head of these songs, or of those `among` them alone, after songs whose labels look wrong lost their weight.

    among : [songs] so, and not as songs by themselves: of a large library each copy of the vectors has hundreds of MB.
    """
    rows = np.arange(len(songs.labels)) if among is None else np.flatnonzero(among)
    weights = np.zeros(len(songs.labels), dtype=np.float32)
    weights[rows] = weights_of(songs, rows, recipe, seed=seed) if handle_noise else 1
    return fit_head(songs, recipe, seed=seed, weights=weights, with_ood_distance=True)


def weights_of(songs: Dataset, rows: NDArray[np.intp], recipe: Recipe, *, seed: int) -> Array:
    """[rows] weight of each song, by models of these songs alone: nothing from outside reaches a fit."""
    suspected = inner_label_errors(songs, rows, recipe, seed=seed)
    return song_weights(suspected, songs.labels[rows], songs.sources[rows])


def inner_label_errors(songs: Dataset, rows: NDArray[np.intp], recipe: Recipe, *, seed: int) -> Bools:
    """[rows] songs whose labels are almost surely wrong, by quick models out of fold."""
    folds = grouped_folds(songs.labels[rows], songs.groups[rows], folds=INNER_FOLDS, seed=seed + 7)
    quick = recipe.quick or recipe
    logits = np.zeros((len(rows), len(songs.genres)), dtype=np.float32)

    def predict_fold(fold: int) -> None:
        own = folds == fold
        others = sampled(rows[~own], songs.groups, INNER_SONGS, seed)
        logits[own] = fit_head(songs.only(others), quick, seed=seed).logits(songs.vectors[rows[own]])

    parallel_map(predict_fold, np.unique(folds).tolist(), bytes_each=songs.vectors[:INNER_SONGS].nbytes)
    multi_hot = songs.multi_hot[rows]
    labels = effective_labels(logits.argmax(axis=1), multi_hot, songs.labels[rows])
    probabilities = softmax(logits, fit_temperature(logits, labels))
    return find_label_errors(probabilities, multi_hot, ODDS_TO_DROP)


def sampled(rows: NDArray[np.intp], groups: Ints, limit: int, seed: int) -> NDArray[np.intp]:
    """Rows of whole groups drawn at random until the limit; all rows when they are not more."""
    if len(rows) <= limit:
        return rows
    names, group_of, sizes = np.unique(groups[rows], return_inverse=True, return_counts=True)
    drawn = np.random.default_rng(seed).permutation(len(names))
    kept = np.zeros(len(names), dtype=np.bool_)
    kept[drawn[np.cumsum(sizes[drawn]) <= limit]] = True
    return rows[kept[group_of]]
