"""Model selection: kinds of heads compared by grouped cross-validation, on artists that none of them learned from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from inference.arrays import Array, Bools, Ints
from inference.evaluation.calibration import negative_log_likelihood
from inference.evaluation.metrics import effective_labels
from inference.training.dataset import Dataset
from inference.training.fitting import (
    LOGISTIC,
    MLP_ENSEMBLE,
    Recipe,
    ensemble_head,
    epochs,
    fit_head,
    prepared,
)
from inference.training.parallel_fits import parallel_map
from inference.training.temperature_scaling import fit_temperature

ReportProgress = Callable[[str, float], None]
"""Takes a step in words and what is done, 0 to 1."""

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Values of scikit-learn's C that are tried; the vectors are wide and correlated, so all are strict."""
MAX_EPOCHS = 40
PATIENCE = 6
"""Epochs without a better loss after which the perceptrons stop."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A recipe and its scores on validation artists."""

    recipe: Recipe
    accuracy: float
    loss: float
    """Negative log-likelihood of the labels after temperature scaling."""
    logits: Array
    """[songs, genres]"""
    right: Bools
    """[songs] the best genre is one that the label names."""


def evaluate_candidates(songs: Dataset, folds: Ints, *, seed: int, report: ReportProgress) -> list[Candidate]:
    """All recipes, each fold [songs] predicted by heads of the others."""
    return evaluate_recipes(
        songs,
        lambda recipe: logistic_logits(songs, folds, recipe, seed),
        lambda: all_fold_epochs(songs, folds, seed),
        report,
    )


def evaluate_recipes(
    songs: Dataset,
    logistic: Callable[[Recipe], Array],
    ensemble: Callable[[], Iterator[Array]],
    report: ReportProgress,
) -> list[Candidate]:
    """All recipes by their logits of these songs: of the logistic regression, and of the perceptrons after each epoch.

    The perceptrons keep the best strength for the quick models that look for wrong labels.
    """
    candidates = []
    for done, strength in enumerate(STRENGTHS):
        recipe = Recipe(algorithm=LOGISTIC, strength=strength)
        report(f"try {recipe}", done / (len(STRENGTHS) + 1))
        candidates.append(scored(recipe, songs, logistic(recipe)))
    report(f"try {MLP_ENSEMBLE}", len(STRENGTHS) / (len(STRENGTHS) + 1))
    strength = best_candidate(candidates).recipe.strength
    candidates.append(early_stopping(songs, strength, ensemble()))
    return candidates


def scored(recipe: Recipe, songs: Dataset, logits: Array) -> Candidate:
    """The scores of a recipe by its logits [songs, genres]."""
    predicted = logits.argmax(axis=1)
    labels = effective_labels(predicted, songs.multi_hot, songs.labels)
    right = predicted == labels
    return Candidate(
        recipe=recipe,
        accuracy=float(np.mean(right)),
        loss=negative_log_likelihood(logits, labels, fit_temperature(logits, labels)),
        logits=logits,
        right=right,
    )


def logistic_logits(songs: Dataset, folds: Ints, recipe: Recipe, seed: int) -> Array:
    logits = np.zeros((len(folds), len(songs.genres)), dtype=np.float32)

    def predict_fold(fold: int) -> None:
        own = folds == fold
        logits[own] = fit_head(songs.only(~own), recipe, seed=seed).logits(songs.vectors[own])

    parallel_map(predict_fold, np.unique(folds).tolist(), bytes_each=songs.vectors.nbytes)
    return logits


def all_fold_epochs(songs: Dataset, folds: Ints, seed: int) -> Iterator[Array]:
    """Logits of all songs after each epoch, without end; the folds are trained side by side, an epoch each."""
    runs = [fold_epochs(songs, folds == fold, seed) for fold in np.unique(folds)]
    while True:
        of_folds = parallel_map(next, runs, bytes_each=songs.vectors.nbytes)
        logits = np.zeros((len(folds), len(songs.genres)), dtype=np.float32)
        for fold, fold_logits in zip(np.unique(folds), of_folds, strict=True):
            logits[folds == fold] = fold_logits
        yield logits


def early_stopping(songs: Dataset, strength: float, after_each_epoch: Iterator[Array]) -> Candidate:
    """The epoch of the least loss on these songs; stops when the loss has not fallen for some epochs."""
    found: list[Candidate] = []
    for logits in islice(after_each_epoch, MAX_EPOCHS):
        recipe = Recipe(algorithm=MLP_ENSEMBLE, strength=strength, epochs=len(found) + 1)
        found.append(scored(recipe, songs, logits))
        if len(found) - best_candidate(found).recipe.epochs >= PATIENCE:
            break
    return best_candidate(found)


def best_candidate(candidates: Sequence[Candidate]) -> Candidate:
    """The one of the least loss; of equal ones the first."""
    return min(candidates, key=lambda each: each.loss)


def fold_epochs(songs: Dataset, own: Bools, seed: int) -> Iterator[Array]:
    """Logits of one fold's songs (`own` [songs]) after each epoch on the others."""
    others = prepared(songs.only(~own), np.ones(int((~own).sum()), dtype=np.float32))
    vectors = songs.vectors[own]
    for ensemble in epochs(others, seed):
        yield ensemble_head(others, ensemble).logits(vectors)
