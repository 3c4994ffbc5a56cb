"""From logits to calibrated probabilities, and the most probable genres."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Floats


def softmax(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities [n, genres] float64 of logits [n, genres] divided by the temperature; each row sums to 1."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    exponentials = np.exp(scaled)
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities


def log_softmax(logits: Floats) -> NDArray[np.float64]:
    """Logarithms of the probabilities [n, genres] float64 of logits [n, genres]."""
    shifted = np.asarray(logits, dtype=np.float64) - logits.max(axis=1, keepdims=True)
    log_p: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_p


def top_genres(
    probabilities: Sequence[float], ranking: Sequence[int], genres: Sequence[str], top_k: int
) -> tuple[tuple[str, float], ...]:
    """The `top_k` most probable genres with their probabilities, best first; ranking as `ranked` gives it."""
    return tuple((genres[i], probabilities[i]) for i in ranking[:top_k])


def ranked(probabilities: np.ndarray) -> NDArray[np.intp]:
    """Indices along the last axis, the most probable first; of equal ones the first."""
    order: NDArray[np.intp] = np.argsort(-probabilities, axis=-1, kind="stable")
    return order
