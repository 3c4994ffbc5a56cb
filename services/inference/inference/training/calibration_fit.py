"""Makes a head's probabilities mean what they say: one temperature, or a scale and a bias for each genre."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from inference.classify.probabilities import softmax
from inference.training.label_noise import chances_of, fit_with_doubt

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Bools = NDArray[np.bool_]

TEMPERATURE, VECTOR = "temperature", "vector"
PULL = 3.0
"""How strongly the vector's values are drawn towards those of the temperature, in songs: few songs change little."""


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What logits are multiplied by and what is added, a value a genre."""

    kind: str
    temperature: float
    scale: NDArray[np.float64]
    """[genres]"""
    bias: NDArray[np.float64]
    """[genres]"""
    doubt: float
    """Share of wrong labels among those that may be wrong."""
    chances: NDArray[np.float64]
    """[genres] of a wrong label."""

    def logits(self, logits: Floats) -> NDArray[np.float64]:
        """Logits whose softmax is calibrated."""
        scaled: NDArray[np.float64] = np.asarray(logits, dtype=np.float64) * self.scale + self.bias
        return scaled

    def agreement(self, probabilities: NDArray[np.float64], doubtful: Bools) -> NDArray[np.float64]:
        """[n, genres] how likely the label names each genre, with `probabilities` that the song is of it."""
        doubts = (self.doubt * doubtful)[:, np.newaxis]
        agreement: NDArray[np.float64] = (1 - doubts) * probabilities + doubts * self.chances
        return agreement

    def loss(self, scaled: Floats, labels: Ints, doubtful: Bools) -> float:
        """Mean of -log p(label) in nats, of calibrated logits."""
        likelihood = self.agreement(softmax(scaled), doubtful)[np.arange(len(labels)), labels]
        return float(-np.log(likelihood).mean())

    @property
    def folded(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scale and bias without the temperature, which the voting applies."""
        return self.scale * self.temperature, self.bias * self.temperature


def fit_scaling(logits: Floats, labels: Ints, kind: str, doubtful: Bools) -> Scaling:
    """Of logits [n, genres] of songs that were not trained on, by the likelihood of their labels [n].

    doubtful : [n] whether a label may be wrong: a tag may, a person's word not.
    """
    genres = logits.shape[1]
    chances = chances_of(labels, genres)
    temperature, doubt = fit_with_doubt(logits, labels, doubtful, chances)
    scale, bias = np.full(genres, 1 / temperature), np.zeros(genres)
    if kind == VECTOR:
        trusted = 1 - doubt * doubtful.astype(np.float64)
        scale, bias = fit_vector(logits, labels, 1 / temperature, trusted, (1 - trusted) * chances[labels])
    return Scaling(kind=kind, temperature=temperature, scale=scale, bias=bias, doubt=doubt, chances=chances)


def fit_vector(
    logits: Floats,
    labels: Ints,
    start: float,
    trusted: NDArray[np.float64],
    wrong: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A scale and a bias for each genre (vector scaling, Guo et al. 2017), near to the start where songs are few.

    trusted : [n] the probability that a label is right; wrong : [n] that it is wrong and names this genre.
    """
    n, genres = logits.shape
    relative = np.asarray(logits, dtype=np.float64) * start
    truth = np.arange(n), labels

    def loss_and_gradient(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scale, bias = flat[:genres], flat[genres:]
        error = softmax(relative * scale + bias)
        own = trusted * error[truth]
        likelihood = own + wrong
        error[truth] -= 1
        error *= (own / likelihood)[:, np.newaxis]
        away = np.concatenate([scale - 1, bias])
        gradient = np.concatenate([(error * relative).sum(axis=0), error.sum(axis=0)]) + PULL * away
        return float(-np.log(likelihood).sum() + PULL / 2 * (away**2).sum()) / n, gradient / n

    found = minimize(
        loss_and_gradient,
        np.concatenate([np.ones(genres), np.zeros(genres)]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.05, None)] * genres + [(None, None)] * genres,
    )
    return found.x[:genres] * start, found.x[genres:]


def choose_scaling(
    logits: Floats, labels: Ints, folds: Ints, doubtful: Bools
) -> tuple[Scaling, NDArray[np.float64]]:
    """The kind that is likelier on folds [n] that it was not fitted on; and the logits so calibrated, fold by fold.

    Those logits tell of the calibration honestly: no song had a part in its own. The scaling is fitted on all.
    """
    fitted = {kind: fit_scaling(logits, labels, kind, doubtful) for kind in (TEMPERATURE, VECTOR)}
    crossed = {kind: calibrate_by_folds(logits, labels, folds, kind, doubtful) for kind in fitted}
    best = min(fitted, key=lambda kind: fitted[kind].loss(crossed[kind], labels, doubtful))
    return fitted[best], crossed[best]


def calibrate_by_folds(
    logits: Floats, labels: Ints, folds: Ints, kind: str, doubtful: Bools
) -> NDArray[np.float64]:
    """Calibrated logits, each fold's by a scaling that was fitted on the other folds."""
    calibrated = np.zeros(logits.shape)
    for fold in np.unique(folds):
        own = folds == fold
        others = ~own if (~own).any() else own
        scaling = fit_scaling(logits[others], labels[others], kind, doubtful[others])
        calibrated[own] = scaling.logits(logits[own])
    return calibrated
