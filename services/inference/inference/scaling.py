"""Makes a head's probabilities mean what they say: one temperature, or a scale and a bias for each genre."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from inference.calibration import log_softmax, negative_log_likelihood
from inference.temperature import fit_temperature

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

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

    def logits(self, logits: Floats) -> NDArray[np.float64]:
        """Logits whose softmax is calibrated."""
        scaled: NDArray[np.float64] = np.asarray(logits, dtype=np.float64) * self.scale + self.bias
        return scaled

    @property
    def folded(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scale and bias without the temperature, which the voting applies."""
        return self.scale * self.temperature, self.bias * self.temperature


def fit_scaling(logits: Floats, labels: Ints, kind: str) -> Scaling:
    """Of logits [n, genres] of songs that were not trained on, by the likelihood of their labels [n]."""
    genres = logits.shape[1]
    temperature = fit_temperature(logits, labels)
    scale, bias = np.full(genres, 1 / temperature), np.zeros(genres)
    if kind == VECTOR:
        scale, bias = fit_vector(logits, labels, 1 / temperature)
    return Scaling(kind=kind, temperature=temperature, scale=scale, bias=bias)


def fit_vector(logits: Floats, labels: Ints, start: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A scale and a bias for each genre (vector scaling, Guo et al. 2017), near to the start where songs are few."""
    n, genres = logits.shape
    relative = np.asarray(logits, dtype=np.float64) * start
    truth = np.arange(n), labels

    def loss_and_gradient(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scale, bias = flat[:genres], flat[genres:]
        log_p = log_softmax(relative * scale + bias)
        error = np.exp(log_p)
        error[truth] -= 1
        away = np.concatenate([scale - 1, bias])
        gradient = np.concatenate([(error * relative).sum(axis=0), error.sum(axis=0)]) + PULL * away
        return float(-log_p[truth].sum() + PULL / 2 * (away**2).sum()) / n, gradient / n

    found = minimize(
        loss_and_gradient,
        np.concatenate([np.ones(genres), np.zeros(genres)]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.05, None)] * genres + [(None, None)] * genres,
    )
    return found.x[:genres] * start, found.x[genres:]


def choose_scaling(logits: Floats, labels: Ints, folds: Ints) -> tuple[Scaling, NDArray[np.float64]]:
    """The kind that is likelier on folds [n] that it was not fitted on; and the logits so calibrated, fold by fold.

    Those logits tell of the calibration honestly: no song had a part in its own. The scaling is fitted on all.
    """
    crossed = {kind: calibrate_by_folds(logits, labels, folds, kind) for kind in (TEMPERATURE, VECTOR)}
    best = min(crossed, key=lambda kind: negative_log_likelihood(crossed[kind], labels))
    return fit_scaling(logits, labels, best), crossed[best]


def calibrate_by_folds(logits: Floats, labels: Ints, folds: Ints, kind: str) -> NDArray[np.float64]:
    """Calibrated logits, each fold's by a scaling that was fitted on the other folds."""
    calibrated = np.zeros(logits.shape)
    for fold in np.unique(folds):
        own = folds == fold
        others = ~own if (~own).any() else own
        calibrated[own] = fit_scaling(logits[others], labels[others], kind).logits(logits[own])
    return calibrated
