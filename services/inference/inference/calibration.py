"""Probabilities that mean what they say: softmax, temperature scaling, expected calibration error."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

COLDEST, HOTTEST = 0.05, 20.0


def softmax(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities [n, genres] of logits [n, genres] divided by the temperature; each row sums to 1."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    exponentials = np.exp(scaled)
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities


def negative_log_likelihood(logits: Floats, labels: Ints, temperature: float = 1.0) -> float:
    """Mean of -log p(label) in nats."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(scaled).sum(axis=1))
    return float(np.mean(log_sum - scaled[np.arange(len(labels)), labels]))


def fit_temperature(logits: Floats, labels: Ints) -> float:
    """The temperature in [0.05, 20] of the least negative log-likelihood, for logits of songs not trained on.

    Guo et al. 2017, "On Calibration of Modern Neural Networks". It changes no ranking, so accuracy stays.
    """
    found = minimize_scalar(
        lambda exponent: negative_log_likelihood(logits, labels, float(np.exp(exponent))),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
    )
    return float(np.exp(found.x))


def expected_calibration_error(probabilities: Floats, labels: Ints, bins: int = 10) -> float:
    """Mean distance of confidence and accuracy over equal-width bins of confidence, weighted by songs; 0 to 1."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
