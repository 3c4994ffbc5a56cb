"""Chooses how heads are fitted: kinds of heads compared on artists that none of them heard."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.calibration import negative_log_likelihood
from inference.evaluation.metrics import truths
from inference.training.dataset import Part
from inference.training.fitting import (
    LOGISTIC,
    PERCEPTRONS,
    Recipe,
    ensemble_head,
    epochs,
    fit_head,
    prepared,
)
from inference.training.head import Array
from inference.training.parallel_fits import side_by_side
from inference.training.temperature import fit_temperature

Ints = NDArray[np.integer]
Progress = Callable[[str, float], None]

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Values of scikit-learn's C that are tried; the vectors are wide and correlated, so all are strict."""
MOST_EPOCHS = 40
PATIENCE = 6
"""Epochs without a better loss after which the perceptrons stop."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One recipe, judged on validation artists."""

    recipe: Recipe
    accuracy: float
    loss: float
    """Negative log-likelihood of the labels after temperature scaling."""
    logits: Array
    """[songs, genres]"""


def try_recipes(part: Part, folds: Ints, *, seed: int, progress: Progress) -> list[Tried]:
    """All kinds, each fold judged by heads of the others."""
    tried = []
    for done, strength in enumerate(STRENGTHS):
        recipe = Recipe(algorithm=LOGISTIC, strength=strength)
        progress(f"try {recipe}", done / (len(STRENGTHS) + 1))
        tried.append(judged(recipe, part, logistic_logits(part, folds, recipe, seed)))
    progress(f"try {PERCEPTRONS}", len(STRENGTHS) / (len(STRENGTHS) + 1))
    strength = best_of(tried).recipe.strength
    tried.append(try_perceptrons(part, folds, seed=seed, strength=strength))
    return tried


def judged(recipe: Recipe, part: Part, logits: Array) -> Tried:
    """How good these logits of a recipe are."""
    predicted = logits.argmax(axis=1)
    labels = truths(predicted, part.named, part.labels)
    return Tried(
        recipe=recipe,
        accuracy=float(np.mean(predicted == labels)),
        loss=negative_log_likelihood(logits, labels, fit_temperature(logits, labels)),
        logits=logits,
    )


def logistic_logits(part: Part, folds: Ints, recipe: Recipe, seed: int) -> Array:
    logits = np.zeros((len(folds), part.genre_count), dtype=np.float32)

    def hear_fold(fold: int) -> None:
        own = folds == fold
        logits[own] = fit_head(part.only(~own), recipe, seed=seed).logits(part.vectors[own])

    side_by_side(hear_fold, np.unique(folds).tolist(), bytes_each=part.vectors.nbytes)
    return logits


def try_perceptrons(part: Part, folds: Ints, *, seed: int, strength: float) -> Tried:
    """The perceptrons with the number of epochs that is best on all folds together (early stop).

    The folds go on side by side, an epoch each, until the loss has not fallen for some time. `strength` is kept for the
    quick models that look for wrong labels.
    """
    following = [fold_epochs(part, folds == fold, seed) for fold in np.unique(folds)]
    return stop_early(part, strength, epoch_by_epoch(part, folds, following))


def epoch_by_epoch(part: Part, folds: Ints, following: Sequence[Iterator[Array]]) -> Iterator[Array]:
    """Logits of all songs after each epoch of all folds, without end."""
    while True:
        yield together(folds, side_by_side(next, following, bytes_each=part.vectors.nbytes))


def together(folds: Ints, of_folds: Sequence[Array]) -> Array:
    """Logits of all songs from those of each fold's."""
    logits = np.zeros((len(folds), of_folds[0].shape[1]), dtype=np.float32)
    for fold, fold_logits in zip(np.unique(folds), of_folds, strict=True):
        logits[folds == fold] = fold_logits
    return logits


def stop_early(part: Part, strength: float, after_each_epoch: Iterator[Array]) -> Tried:
    """The epoch with the least loss on these songs, as soon as it has not fallen for some time."""
    found: list[Tried] = []
    for logits in islice(after_each_epoch, MOST_EPOCHS):
        recipe = Recipe(algorithm=PERCEPTRONS, strength=strength, epochs=len(found) + 1)
        found.append(judged(recipe, part, logits))
        if len(found) - best_of(found).recipe.epochs >= PATIENCE:
            break
    return best_of(found)


def best_of(tried: Sequence[Tried]) -> Tried:
    """The one of the least loss; of equal ones the first."""
    return min(tried, key=lambda each: each.loss)


def fold_epochs(part: Part, own: NDArray[np.bool_], seed: int) -> Iterator[Array]:
    """Logits of one fold's songs after each epoch on the others."""
    songs = prepared(part.only(~own), np.ones(int((~own).sum()), dtype=np.float32))
    judged_vectors = part.vectors[own]
    for ensemble in epochs(songs, seed):
        yield ensemble_head(songs, ensemble).logits(judged_vectors)
