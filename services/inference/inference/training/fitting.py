"""Fits genre heads by recipes: a linear discriminant, logistic regression, a radial basis function machine or an
ensemble of perceptrons, on standardised vectors.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Array
from inference.training.dataset import Dataset
from inference.training.discriminant import fit_discriminant
from inference.training.head import Head, standardise
from inference.training.kernel_features import (
    choose_landmarks,
    nystrom_map,
    radial_basis,
    squared_distances,
)
from inference.training.logistic_regression import fit_logistic
from inference.training.mlp_ensemble import Architecture, Weights, train
from inference.training.out_of_distribution import fit_mahalanobis

DISCRIMINANT = "shrinkage-lda"
LOGISTIC = "logistic-regression"
RADIAL_BASIS = "rbf"
MLP_ENSEMBLE = "mlp-ensemble"

CLIP = 8.0
"""Standard deviations at which a value is clipped: kurtosis and the like have tails that would drown all the rest."""
ABSENT_LOGIT_GAP = 10.0
"""How far below all others the logit of a genre lies that had no song in this fit; e**-10 is as good as never."""
MAX_SPREAD = 5.0
"""Mean standard deviation of a song's logits of the genres, beyond which a discriminant is divided."""
CHUNK_ROWS = 8192
"""Rows that are converted to float64 at a time, so that moments of a large matrix need no copy of it."""
ARCHITECTURE = Architecture()
MIN_BATCH_SIZE = 32
MAX_SAMPLES_SEEN = 1_500_000
"""By the perceptrons of one fit, over all epochs: what a large library gains from more is less than chance."""
STEPS_PER_EPOCH = 20
"""Of the perceptrons, in a library that is too small for batches of 256 songs."""
SMALL_LIBRARY_SONGS = 5_000


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a head is fitted; chosen on validation."""

    algorithm: str
    shrinkage: float = 0.0
    """Of the discriminant's covariance: 1 knows nothing of how values go together."""
    strength: float = 0.0
    """Of a logistic regression: scikit-learn's C, small is strict."""
    gamma: float = 0.0
    """Of radial basis functions, times the number of values: scikit-learn's "scale" is 1."""
    epochs: int = 0
    """Of the perceptrons: where their validation loss was least."""
    quick: "Recipe | None" = None
    """Of the models that look for wrong labels, where this one is not linear: the others are slow."""

    def for_songs(self, count: int) -> "Recipe":
        """The same for a fit of so many songs, of which a large library's need fewer epochs."""
        return replace(self, epochs=min(self.epochs, max(1, round(MAX_SAMPLES_SEEN / count))))

    def __str__(self) -> str:
        return f"{self.algorithm} ({DETAILS[self.algorithm](self)})"


DETAILS: Mapping[str, Callable[[Recipe], str]] = {
    DISCRIMINANT: lambda recipe: f"shrinkage {recipe.shrinkage:g}",
    LOGISTIC: lambda recipe: f"C {recipe.strength:g}",
    RADIAL_BASIS: lambda recipe: f"gamma {recipe.gamma:g}, C {recipe.strength:g}",
    MLP_ENSEMBLE: lambda recipe: (
        f"{ARCHITECTURE.members} of {ARCHITECTURE.hidden} units, {recipe.epochs} epochs"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Standardised:
    """The songs of one fit, standardised by themselves alone, so that held-out songs leave no trace."""

    mean: Array
    scale: Array
    vectors: Array
    soft_targets: Array
    """[songs, genres] of those genres that have songs."""
    weights: Array
    present: NDArray[np.intp]
    """Those genres."""
    genre_count: int


def prepared(songs: Dataset, weights: Array) -> Standardised:
    """The songs of a fit whose weight [songs] is not 0."""
    kept = weights > 0
    own_copy = None
    if not kept.all():
        songs, weights = songs.only(kept), weights[kept]
        own_copy = songs.vectors
    mean, scale = moments(songs.vectors)
    soft_targets = songs.soft_targets()
    present = np.flatnonzero(soft_targets.sum(axis=0) > 0)
    soft_targets = soft_targets[:, present]
    return Standardised(
        mean=mean,
        scale=scale,
        vectors=standardise(songs.vectors, mean, scale, CLIP, out=own_copy),
        soft_targets=soft_targets,
        weights=with_rare_genres_raised(soft_targets, weights),
        present=present,
        genre_count=len(songs.genres),
    )


def with_rare_genres_raised(soft_targets: Array, weights: Array) -> Array:
    """Class weights: the weights [songs], each divided by the square root of its genre's number of songs; their sum
    stays.

    soft_targets : [songs, genres], every genre with songs. A genre of fifty songs beside one of thousands hardly
    matters to the loss. Divided by the number itself, it would be predicted too often, and accuracy falls.
    """
    rarity = 1 / np.sqrt(weights @ soft_targets)
    raised = weights * (soft_targets @ rarity)
    normalised: Array = (raised * (weights.sum() / raised.sum())).astype(np.float32)
    return normalised


def fit_head(
    songs: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    weights: Array | None = None,
    with_ood_distance: bool = False,
) -> Head:
    """The head of these songs, each with its weight [songs] (1 where none are given); the distance costs time."""
    fit = prepared(songs, ones(songs) if weights is None else weights)
    (head,) = FITS[recipe.algorithm](fit, [recipe], seed)
    if with_ood_distance:
        return replace(head, ood_distance=fit_mahalanobis(fit.vectors, fit.soft_targets))
    return head


def fit_heads(songs: Dataset, recipes: Sequence[Recipe], *, seed: int) -> Iterator[Head]:
    """Heads of the same songs by recipes of one algorithm, which share what is common to them."""
    return FITS[recipes[0].algorithm](prepared(songs, ones(songs)), recipes, seed)


def ones(songs: Dataset) -> Array:
    return np.ones(len(songs.labels), dtype=np.float32)


def discriminants(fit: Standardised, recipes: Sequence[Recipe], seed: int) -> Iterator[Head]:
    shrinkages = [recipe.shrinkage for recipe in recipes]
    for layer in fit_discriminant(fit.vectors, fit.soft_targets, fit.weights, shrinkages=shrinkages):
        yield assembled(fit, *within_spread(fit.vectors, *layer))


def within_spread(vectors: Array, weight: Array, bias: Array) -> tuple[Array, Array]:
    """The layer, divided so that its logits of these vectors [songs, n] are not spread by more than MAX_SPREAD.

    Of few songs a discriminant is sure beyond what a temperature could make good, and each fold's by another factor.
    """
    logits = vectors @ weight + bias
    spread = float(logits.std(axis=1).mean())
    factor = np.float32(min(1.0, MAX_SPREAD / max(spread, 1e-9)))
    return weight * factor, bias * factor


def regressions(fit: Standardised, recipes: Sequence[Recipe], seed: int) -> Iterator[Head]:
    for recipe in recipes:
        layer = fit_logistic(fit.vectors, fit.soft_targets, fit.weights, strength=recipe.strength)
        yield assembled(fit, *layer)


def radial_basis_machines(fit: Standardised, recipes: Sequence[Recipe], seed: int) -> Iterator[Head]:
    """Logistic regressions on Nyström features, whose map becomes a part of the last layer."""
    landmarks = choose_landmarks(fit.vectors, fit.weights, seed)
    squares = squared_distances(fit.vectors, landmarks)
    for number, recipe in enumerate(recipes, start=1):
        gamma = recipe.gamma / len(landmarks)
        mapped = nystrom_map(landmarks, gamma)
        # Of a hundred thousand songs they have 400 MB, and no recipe after the last needs them.
        in_place = squares if number == len(recipes) else None
        features = radial_basis(squares, gamma, out=in_place) @ mapped
        weight, bias = fit_logistic(features, fit.soft_targets, fit.weights, strength=recipe.strength)
        yield replace(assembled(fit, mapped @ weight, bias), landmarks=landmarks, gamma=gamma)


def ensembles(fit: Standardised, recipes: Sequence[Recipe], seed: int) -> Iterator[Head]:
    for recipe in recipes:
        yield ensemble_head(fit, next(islice(epochs(fit, seed), recipe.epochs - 1, None)))


FITS: Mapping[str, Callable[[Standardised, Sequence[Recipe], int], Iterator[Head]]] = {
    DISCRIMINANT: discriminants,
    LOGISTIC: regressions,
    RADIAL_BASIS: radial_basis_machines,
    MLP_ENSEMBLE: ensembles,
}


def ensemble_head(songs: Standardised, ensemble: Weights) -> Head:
    """The head of an ensemble that was trained on these songs."""
    hidden_weight, hidden_bias, weight, bias = ensemble.joined()
    return assembled(songs, weight, bias, hidden_weight=hidden_weight, hidden_bias=hidden_bias)


def epochs(songs: Standardised, seed: int) -> Iterator[Weights]:
    """The ensemble after each epoch, without end."""
    size = max(MIN_BATCH_SIZE, len(songs.weights) // STEPS_PER_EPOCH)
    architecture = replace(ARCHITECTURE, batch_size=min(size, ARCHITECTURE.batch_size))
    return train(songs.vectors, songs.soft_targets, songs.weights, architecture=architecture, seed=seed)


def assembled(
    songs: Standardised,
    weight: Array,
    bias: Array,
    *,
    hidden_weight: Array | None = None,
    hidden_bias: Array | None = None,
) -> Head:
    """A head of all genres from layers that know those with songs; the others are as good as never predicted."""
    all_weights = np.zeros((len(weight), songs.genre_count), dtype=np.float32)
    all_biases = np.full(songs.genre_count, bias.min() - ABSENT_LOGIT_GAP, dtype=np.float32)
    all_weights[:, songs.present] = weight
    all_biases[songs.present] = bias
    return Head(
        mean=songs.mean,
        scale=songs.scale,
        clip=CLIP,
        weight=all_weights,
        bias=all_biases,
        hidden_weight=hidden_weight,
        hidden_bias=hidden_bias,
    )


def moments(vectors: Array) -> tuple[Array, Array]:
    """Mean and standard deviation [n] float32 of vectors [songs, n], summed in float64; 1 for constant columns."""
    rows = len(vectors)
    chunks = [vectors[start : start + CHUNK_ROWS] for start in range(0, rows, CHUNK_ROWS)]
    mean = sum(chunk.sum(axis=0, dtype=np.float64) for chunk in chunks) / rows
    variance = sum(np.square(chunk - mean).sum(axis=0) for chunk in chunks) / rows
    scale = np.sqrt(variance)
    constant = scale <= 1e-7 * np.maximum(np.abs(mean), 1e-30)
    return mean.astype(np.float32), np.where(constant, 1.0, scale).astype(np.float32)
