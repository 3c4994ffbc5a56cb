"""Fits a genre head by a recipe: logistic regression or an ensemble of small perceptrons, on standardised vectors."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from inference.training.dataset import Part
from inference.training.head import Array, Head, standardise
from inference.training.logistic_regression import fit_logistic
from inference.training.mlp_ensemble import Shape, Weights, train
from inference.training.out_of_distribution import find_landmarks

LOGISTIC = "logistic-regression"
PERCEPTRONS = "perceptron-ensemble"

CLIP = 8.0
"""Standard deviations at which a value is cut: kurtosis and the like have tails that would drown all the rest."""
ABSENT_LOGIT_GAP = 10.0
"""How far below all others a genre lies that had no song in this fit; e**-10 is as good as never."""
CHUNK_ROWS = 8192
"""Rows that are turned to float64 at a time, so that moments of a large matrix need no copy of it."""
SHAPE = Shape()
LEAST_STEP_SONGS = 32
MOST_SONGS_HEARD = 1_500_000
"""By the perceptrons of one fit, each epoch's counted anew: what a large library gains from more is less than noise."""
STEPS_AN_EPOCH = 20
"""Of the perceptrons, in a library that is too small for steps of 256 songs."""
SMALL_LIBRARY_SONGS = 5_000


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a head is fitted; chosen on validation."""

    algorithm: str
    strength: float = 0.0
    """Of the logistic regression: scikit-learn's C, small is strict."""
    epochs: int = 0
    """Of the perceptrons: where their validation loss was least."""

    def for_songs(self, count: int) -> "Recipe":
        """The same for a fit of so many songs, of which a large library's need fewer epochs."""
        return replace(self, epochs=min(self.epochs, max(1, round(MOST_SONGS_HEARD / count))))

    def __str__(self) -> str:
        if self.algorithm == LOGISTIC:
            return f"{LOGISTIC} (C {self.strength:g})"
        return f"{PERCEPTRONS} ({SHAPE.members} of {SHAPE.hidden} units, {self.epochs} epochs)"


@dataclass(frozen=True, kw_only=True)
class Standardised:
    """The songs of one fit, standardised by themselves alone, so that held-out songs leave no trace."""

    mean: Array
    scale: Array
    vectors: Array
    shares: Array
    """[songs, genres] of those genres that have songs."""
    weights: Array
    present: NDArray[np.intp]
    """Those genres."""
    genre_count: int


def prepared(part: Part, weights: Array) -> Standardised:
    """The songs of a fit whose weight is not 0."""
    kept = weights > 0
    if not kept.all():
        part, weights = part.only(kept), weights[kept]
    mean, scale = moments(part.vectors)
    shares = part.shares()
    present = np.flatnonzero(shares.sum(axis=0) > 0)
    shares = shares[:, present]
    return Standardised(
        mean=mean,
        scale=scale,
        vectors=standardise(part.vectors, mean, scale, CLIP),
        shares=shares,
        weights=with_rare_genres_raised(shares, weights),
        present=present,
        genre_count=part.genre_count,
    )


def with_rare_genres_raised(shares: Array, weights: Array) -> Array:
    """The weights [songs], each divided by the square root of how many songs its genre has; their sum stays.

    shares : [songs, genres], every genre with songs. A genre of fifty songs beside one of thousands is hardly worth an
    error to the loss. Divided by the number itself, it would be named too often, and accuracy falls.
    """
    rarity = 1 / np.sqrt(weights @ shares)
    raised = weights * (shares @ rarity)
    normalised: Array = (raised * (weights.sum() / raised.sum())).astype(np.float32)
    return normalised


def fit_head(
    part: Part, recipe: Recipe, *, seed: int, weights: Array | None = None, landmarks: bool = False
) -> Head:
    """The head of these songs, each with its weight [songs] (1 where none are given); landmarks cost time."""
    songs = prepared(part, np.ones(len(part.labels), dtype=np.float32) if weights is None else weights)
    if recipe.algorithm == LOGISTIC:
        weight, bias = fit_logistic(songs.vectors, songs.shares, songs.weights, strength=recipe.strength)
        head = assembled(songs, weight, bias)
    else:
        head = ensemble_head(songs, next(islice(epochs(songs, seed), recipe.epochs - 1, None)))
    return replace(head, landmarks=find_landmarks(songs.vectors, songs.shares)) if landmarks else head


def ensemble_head(songs: Standardised, ensemble: Weights) -> Head:
    """The head of an ensemble that was trained on these songs."""
    hidden_weight, hidden_bias, weight, bias = ensemble.joined()
    return assembled(songs, weight, bias, hidden_weight=hidden_weight, hidden_bias=hidden_bias)


def epochs(songs: Standardised, seed: int) -> Iterator[Weights]:
    """The ensemble after each epoch, without end."""
    step = max(LEAST_STEP_SONGS, len(songs.weights) // STEPS_AN_EPOCH)
    shape = replace(SHAPE, songs_a_step=min(step, SHAPE.songs_a_step))
    return train(songs.vectors, songs.shares, songs.weights, shape=shape, seed=seed)


def assembled(
    songs: Standardised,
    weight: Array,
    bias: Array,
    *,
    hidden_weight: Array | None = None,
    hidden_bias: Array | None = None,
) -> Head:
    """A head of all genres from layers that know those with songs; the others are as good as never named."""
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
    """Mean and standard deviation of each column, added up in float64; a constant column gets 1."""
    rows = len(vectors)
    chunks = [vectors[start : start + CHUNK_ROWS] for start in range(0, rows, CHUNK_ROWS)]
    mean = sum(chunk.sum(axis=0, dtype=np.float64) for chunk in chunks) / rows
    variance = sum(np.square(chunk - mean).sum(axis=0) for chunk in chunks) / rows
    scale = np.sqrt(variance)
    constant = scale <= 1e-7 * np.maximum(np.abs(mean), 1e-30)
    return mean.astype(np.float32), np.where(constant, 1.0, scale).astype(np.float32)
