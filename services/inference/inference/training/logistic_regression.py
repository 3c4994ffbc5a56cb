"""Multinomial logistic regression with soft targets and weighted songs."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from inference.arrays import Array

MAX_ITERATIONS = 300
TOLERANCE = 1e-3
"""Of the gradient of the mean loss; scikit-learn's own default is a tenth of it, and changes no verdict."""


def fit_logistic(
    vectors: Array, soft_targets: Array, weights: Array, *, strength: float, tolerance: float = TOLERANCE
) -> tuple[Array, Array]:
    """Weights [n, genres] and biases [genres] of the least penalised cross-entropy, float32.

    vectors : [songs, n] standardised; soft_targets : [songs, genres], each row sums to 1; weights : [songs].
    strength is scikit-learn's C: the loss is C * sum(weights * cross-entropy) + |W|^2 / 2, and biases are free. It is
    written out here because scikit-learn takes as long and several times the memory: a song of two genres is two rows
    there, with a copy of every vector. Both find the same minimum, as a test shows. Products are float32, which halves
    the time; the optimiser (L-BFGS) works in float64.
    """
    width, genres = vectors.shape[1], soft_targets.shape[1]
    total = float(weights.sum(dtype=np.float64))
    penalty = 1.0 / (strength * total)

    def loss_and_gradient(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        matrix = flat.reshape(width + 1, genres)
        weight, bias = matrix[:-1], matrix[-1]
        logits = vectors @ weight.astype(np.float32) + bias.astype(np.float32)
        loss, error = cross_entropy(logits, soft_targets, weights)
        gradient = np.empty_like(matrix)
        gradient[:-1] = vectors.T @ error / total + penalty * weight
        gradient[-1] = error.sum(axis=0, dtype=np.float64) / total
        return loss / total + penalty / 2 * float((weight**2).sum()), gradient.ravel()

    found = minimize(
        loss_and_gradient,
        np.zeros((width + 1) * genres),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MAX_ITERATIONS, "gtol": tolerance, "ftol": tolerance / 10_000},
    )
    matrix = found.x.reshape(width + 1, genres).astype(np.float32)
    return matrix[:-1], matrix[-1]


def cross_entropy(logits: Array, soft_targets: Array, weights: Array) -> tuple[float, Array]:
    """The weighted sum of cross-entropies, and its gradient by the logits [songs, genres]."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    losses = np.log(sums[:, 0]) - (soft_targets * shifted).sum(axis=1)
    error: Array = (exponentials / sums - soft_targets) * weights[:, np.newaxis]
    return float(np.dot(losses.astype(np.float64), weights)), error
