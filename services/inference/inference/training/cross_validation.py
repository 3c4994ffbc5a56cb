"""What models say of songs whose artists they never heard, each model fitted as the one that will serve."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.classify.probabilities import softmax
from inference.evaluation.metrics import truths
from inference.training.dataset import Part
from inference.training.fitting import LOGISTIC, Recipe, fit_head
from inference.training.head import Array, Head
from inference.training.parallel_fits import side_by_side
from inference.training.splits import grouped_folds
from inference.training.suspected_labels import ODDS_TO_DROP, song_weights, suspect_labels
from inference.training.temperature import fit_temperature

Ints = NDArray[np.integer]
Bools = NDArray[np.bool_]

INNER_FOLDS = 4
INNER_SONGS = 20_000
"""Wrong labels among the songs of a fit are looked for by models of at most so many of them."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What out-of-fold models say; rows of folds that were not asked for are 0."""

    logits: Array
    """[songs, genres]"""
    distances: Array
    """[songs] from the songs of their training."""


def hear(part: Part, folds: Ints, recipe: Recipe, *, seed: int, handle_noise: bool, only: Ints) -> Heard:
    """Predictions for the songs of the folds `only`, each by a head of the songs of all other folds."""
    logits = np.zeros((len(folds), part.genre_count), dtype=np.float32)
    distances = np.zeros(len(folds), dtype=np.float32)

    def hear_fold(fold: int) -> None:
        own = folds == fold
        head = fit_robustly(part.only(~own), recipe, seed=seed, handle_noise=handle_noise)
        logits[own] = head.logits(part.vectors[own])
        distances[own] = head.distances(part.vectors[own])

    side_by_side(hear_fold, only.tolist(), bytes_each=part.vectors.nbytes)
    return Heard(logits=logits, distances=distances)


def fit_robustly(part: Part, recipe: Recipe, *, seed: int, handle_noise: bool) -> Head:
    """The head of these songs, after those whose labels look wrong among them lost their weight."""
    weights = weights_of(part, recipe, seed=seed) if handle_noise else None
    return fit_head(part, recipe, seed=seed, weights=weights, landmarks=True)


def weights_of(part: Part, recipe: Recipe, *, seed: int) -> Array:
    """What each song counts, judged by models of these songs alone: nothing from outside reaches a fit."""
    suspects = find_suspects(part, recipe, seed=seed)
    return song_weights(suspects, part.labels, part.sources)


def find_suspects(part: Part, recipe: Recipe, *, seed: int) -> Bools:
    """Songs whose labels are wrong beyond doubt, by quick models out of fold."""
    folds = grouped_folds(part.labels, part.groups, folds=INNER_FOLDS, seed=seed + 7)
    quick = Recipe(algorithm=LOGISTIC, strength=recipe.strength)
    logits = np.zeros((len(folds), part.genre_count), dtype=np.float32)

    def hear_fold(fold: int) -> None:
        own = folds == fold
        others = sampled(np.flatnonzero(~own), part.groups, INNER_SONGS, seed)
        logits[own] = fit_head(part.only(others), quick, seed=seed).logits(part.vectors[own])

    side_by_side(hear_fold, np.unique(folds).tolist(), bytes_each=part.vectors[:INNER_SONGS].nbytes)
    labels = truths(logits.argmax(axis=1), part.named, part.labels)
    return suspect_labels(softmax(logits, fit_temperature(logits, labels)), part.named, ODDS_TO_DROP)


def sampled(rows: NDArray[np.intp], groups: Ints, limit: int, seed: int) -> NDArray[np.intp]:
    """Rows of whole groups drawn at random until the limit; all rows when they are not more."""
    if len(rows) <= limit:
        return rows
    names, group_of, sizes = np.unique(groups[rows], return_inverse=True, return_counts=True)
    drawn = np.random.default_rng(seed).permutation(len(names))
    kept = np.zeros(len(names), dtype=np.bool_)
    kept[drawn[np.cumsum(sizes[drawn]) <= limit]] = True
    return rows[kept[group_of]]
