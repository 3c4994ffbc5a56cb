"""Model selection: kinds of heads compared by grouped cross-validation, on artists that none of them learned from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice, repeat

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Array, Bools, Ints
from inference.classify.probabilities import log_softmax
from inference.evaluation.bootstrap import per_group
from inference.evaluation.metrics import effective_labels
from inference.training.dataset import Dataset
from inference.training.fitting import (
    DISCRIMINANT,
    LOGISTIC,
    MLP_ENSEMBLE,
    RADIAL_BASIS,
    Recipe,
    ensemble_head,
    epochs,
    fit_heads,
    prepared,
)
from inference.training.parallel_fits import parallel_map
from inference.training.temperature_scaling import fit_temperature

ReportProgress = Callable[[str, float], None]
"""Takes a step in words and what is done, 0 to 1."""

SHRINKAGES = (0.8, 0.6, 0.4, 0.2, 0.1)
"""Of the discriminant that are tried."""
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Values of scikit-learn's C that are tried; the vectors are wide and correlated, so all are strict."""
GAMMAS = (0.3, 1.0, 2.0)
RADIAL_BASIS_STRENGTH = 10.0
"""C of the radial basis function machine; 1 and 100 are hardly ever better where the machine itself is."""
RECIPES = (
    *(Recipe(algorithm=DISCRIMINANT, shrinkage=shrinkage) for shrinkage in SHRINKAGES),
    *(Recipe(algorithm=LOGISTIC, strength=strength) for strength in STRENGTHS),
    *(Recipe(algorithm=RADIAL_BASIS, gamma=gamma, strength=RADIAL_BASIS_STRENGTH) for gamma in GAMMAS),
)
"""All but the perceptrons, those of one algorithm together; the simpler algorithms stand first."""
LINEAR = (DISCRIMINANT, LOGISTIC)
STANDARD_ERRORS = 0.5
"""Within so many standard errors of the least loss a loss is taken for as good. The whole error of Breiman et al.
(1984) and none at all gave the same accuracy within 0.4 points on each shape of `make bench NAMES="recipes"`."""
ERRORS_OF_CONTENDERS = 2.0
"""What is further from the least loss of the first run is not tried on others: it would not win there either."""
MAX_SONGS_OF_AN_ARTIST = 20
"""Whose losses count: an artist with a quarter of the songs, right or wrong as one, would choose the recipe alone. With
all songs counted a regression was taken there whose head had 5 points less right than the discriminant's."""
MAX_EPOCHS = 40
PATIENCE = 6
"""Epochs without a better loss after which the perceptrons stop."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A recipe and its scores on validation artists."""

    recipe: Recipe
    accuracy: float
    losses: NDArray[np.float64]
    """[songs] negative log-likelihood of each label after temperature scaling."""
    logits: Array
    """[songs, genres] of the first run, like all of these if there were several; only losses and accuracy are means."""
    right: Bools
    """[songs] the best genre is one that the label names."""
    counted: Bools
    """[songs] whose losses count: of an artist not more than so many."""

    @property
    def loss(self) -> float:
        """The mean over the songs that count."""
        return float(self.losses[self.counted].mean())


def evaluate_candidates(
    songs: Dataset, runs: Sequence[Ints], *, seed: int, report: ReportProgress
) -> list[Candidate]:
    """All recipes, every fold [songs] of the first run predicted by heads of the other folds.

    Those that may still be the likeliest are evaluated on the folds of the other runs too.
    """
    first, *others = runs
    candidates = evaluate_recipes(
        songs,
        lambda recipes: fold_logits(songs, first, recipes, seed),
        lambda: all_fold_epochs(songs, first, seed),
        lambda step, done: report(step, done / len(runs)),
    )
    best = best_candidate(candidates)
    contenders = [each for each in candidates if beyond(best, each, songs.groups) <= ERRORS_OF_CONTENDERS]
    for number, folds in enumerate(others, start=1):
        report("try the likeliest on other folds", number / len(runs))
        contenders = [
            average(each, again, number)
            for each, again in zip(contenders, evaluate_again(contenders, songs, folds, seed), strict=True)
        ]
    repeated = {each.recipe: each for each in contenders}
    return [repeated.get(each.recipe, each) for each in candidates]


def evaluate_again(
    candidates: Sequence[Candidate], songs: Dataset, folds: Ints, seed: int
) -> Iterator[Candidate]:
    """The same recipes on other folds [songs]."""
    for _, group in groupby(candidates, key=lambda each: each.recipe.algorithm):
        recipes = [each.recipe for each in group]
        for recipe, logits in zip(recipes, fold_logits(songs, folds, recipes, seed), strict=True):
            yield scored(recipe, songs, logits)


def average(before: Candidate, again: Candidate, runs: int) -> Candidate:
    """The mean of so many runs with one more."""
    losses = (runs * before.losses + again.losses) / (runs + 1)
    return replace(before, losses=losses, accuracy=(runs * before.accuracy + again.accuracy) / (runs + 1))


def evaluate_recipes(
    songs: Dataset,
    logits_of: Callable[[Sequence[Recipe]], Array],
    ensemble: Callable[[], Iterator[Array]],
    report: ReportProgress,
) -> list[Candidate]:
    """All recipes by their logits of these songs.

    logits_of : [recipes, songs, genres] of recipes of one algorithm; ensemble : [songs, genres] of the perceptrons
    after each epoch. Others than linear ones keep the likeliest linear one for the models that look for wrong labels.
    """
    candidates: list[Candidate] = []
    for algorithm, group in groupby(RECIPES, key=lambda recipe: recipe.algorithm):
        report(f"try {algorithm}", len(candidates) / (len(RECIPES) + 1))
        recipes = list(group)
        candidates += map(scored, recipes, repeat(songs), logits_of(recipes))
    report(f"try {MLP_ENSEMBLE}", len(RECIPES) / (len(RECIPES) + 1))
    candidates.append(early_stopping(songs, ensemble()))
    return with_quick_recipes(candidates)


def with_quick_recipes(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The same, where those that are not linear name the likeliest that is."""
    quick = best_candidate([each for each in candidates if each.recipe.algorithm in LINEAR]).recipe
    return [
        each if each.recipe.algorithm in LINEAR else replace(each, recipe=replace(each.recipe, quick=quick))
        for each in candidates
    ]


def scored(recipe: Recipe, songs: Dataset, logits: Array) -> Candidate:
    """The scores of a recipe by its logits [songs, genres]."""
    predicted = logits.argmax(axis=1)
    labels = effective_labels(predicted, songs.multi_hot, songs.labels)
    right = predicted == labels
    counted = counted_songs(songs.groups)
    return Candidate(
        recipe=recipe,
        accuracy=float(np.mean(right)),
        losses=losses_of(logits, labels, fit_temperature(logits[counted], labels[counted])),
        logits=logits,
        right=right,
        counted=counted,
    )


def counted_songs(groups: Ints) -> Bools:
    """[songs] at most MAX_SONGS_OF_AN_ARTIST of each group [songs], drawn always alike."""
    order = np.lexsort((np.random.default_rng(0).random(len(groups)), groups))
    _, firsts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    counted = np.zeros(len(groups), dtype=np.bool_)
    counted[order] = np.arange(len(groups)) - np.repeat(firsts, sizes) < MAX_SONGS_OF_AN_ARTIST
    return counted


def losses_of(logits: Array, labels: Ints, temperature: float) -> NDArray[np.float64]:
    """[songs] negative log-likelihood of each label."""
    scaled = logits.astype(np.float64) / temperature
    losses: NDArray[np.float64] = -log_softmax(scaled)[np.arange(len(labels)), labels]
    return losses


def fold_logits(songs: Dataset, folds: Ints, recipes: Sequence[Recipe], seed: int) -> Array:
    """[recipes, songs, genres]"""
    logits = np.zeros((len(recipes), *songs.multi_hot.shape), dtype=np.float32)

    def predict_fold(fold: int) -> None:
        own = folds == fold
        for number, head in enumerate(fit_heads(songs.only(~own), recipes, seed=seed)):
            logits[number, own] = head.logits(songs.vectors[own])

    parallel_map(predict_fold, np.unique(folds).tolist(), bytes_each=songs.vectors.nbytes)
    return logits


def all_fold_epochs(songs: Dataset, folds: Ints, seed: int) -> Iterator[Array]:
    """Logits of all songs after each epoch, without end; the folds are trained side by side, an epoch each."""
    runs = [fold_epochs(songs, folds == fold, seed) for fold in np.unique(folds)]
    while True:
        of_folds = parallel_map(next, runs, bytes_each=songs.vectors.nbytes)
        logits = np.zeros((len(folds), len(songs.genres)), dtype=np.float32)
        for fold, own in zip(np.unique(folds), of_folds, strict=True):
            logits[folds == fold] = own
        yield logits


def early_stopping(songs: Dataset, after_each_epoch: Iterator[Array]) -> Candidate:
    """The epoch of the least loss on these songs; stops when the loss has not fallen for some epochs."""
    found: list[Candidate] = []
    for logits in islice(after_each_epoch, MAX_EPOCHS):
        recipe = Recipe(algorithm=MLP_ENSEMBLE, epochs=len(found) + 1)
        found.append(scored(recipe, songs, logits))
        if len(found) - best_candidate(found).recipe.epochs >= PATIENCE:
            break
    return best_candidate(found)


def best_candidate(candidates: Sequence[Candidate]) -> Candidate:
    """The one of the least loss; of equal ones the first."""
    return min(candidates, key=lambda each: each.loss)


def simplest_candidate(candidates: Sequence[Candidate], groups: Ints) -> Candidate:
    """The likeliest of the first algorithm that is as likely as any but for chance: the simpler stand first.

    groups : [songs] artists. Within an algorithm the likeliest is taken: the folds of a small library have so much
    fewer songs than the library that they ask for too strict a penalty as it is.
    """
    best = best_candidate(candidates)
    families = groupby(candidates, key=lambda each: each.recipe.algorithm)
    likeliest = [best_candidate(list(family)) for _, family in families]
    return next(each for each in likeliest if beyond(best, each, groups) <= STANDARD_ERRORS)


def beyond(best: Candidate, other: Candidate, groups: Ints) -> float:
    """Standard errors by which the loss of the other is larger, paired song by song; 0 for the same losses.

    groups : [songs] artists, whose songs go together: ten of one album are hardly more evidence than one.
    """
    differences = (other.losses - best.losses)[best.counted]
    sums, sizes = per_group(differences, groups[best.counted])
    error = np.sqrt(((sums - differences.mean() * sizes) ** 2).sum()) / len(differences)
    return float(differences.mean() / max(error, 1e-12))


def fold_epochs(songs: Dataset, own: Bools, seed: int) -> Iterator[Array]:
    """Logits of one fold's songs (`own` [songs]) after each epoch on the others."""
    others = prepared(songs.only(~own), np.ones(int((~own).sum()), dtype=np.float32))
    vectors = songs.vectors[own]
    for ensemble in epochs(others, seed):
        yield ensemble_head(others, ensemble).logits(vectors)
