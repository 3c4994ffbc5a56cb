"""Fits a genre head: multinomial logistic regression on standardised vectors."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from inference.head import Array, Head, standardise

Ints = NDArray[np.integer]

CLIP = 8.0
"""Standard deviations at which a value is cut: kurtosis and the like have tails that would drown all the rest."""
ABSENT_LOGIT_GAP = 10.0
"""How far below all others a genre lies that had no song in this fit; e**-10 is as good as never."""
CHUNK_ROWS = 8192
"""Rows that are turned to float64 at a time, so that moments of a large matrix need no copy of it."""


def moments(vectors: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each column, added up in float64; a constant column gets 1."""
    rows = len(vectors)
    chunks = [vectors[start : start + CHUNK_ROWS] for start in range(0, rows, CHUNK_ROWS)]
    mean = sum(chunk.sum(axis=0, dtype=np.float64) for chunk in chunks) / rows
    variance = sum(np.square(chunk - mean).sum(axis=0) for chunk in chunks) / rows
    scale = np.sqrt(variance)
    constant = scale <= 1e-7 * np.maximum(np.abs(mean), 1e-30)
    return mean.astype(np.float32), np.where(constant, 1.0, scale).astype(np.float32)


def fit_head(vectors: Array, labels: Ints, *, genre_count: int, strength: float) -> Head:
    """Multinomial logistic regression with an L2 penalty on standardised vectors.

    vectors : [rows, n] float32; labels : [rows], 0 to genre_count - 1; strength : scikit-learn's C, small is strict.
    The standardisation is fitted on these rows alone, so that held-out songs leave no trace in it.
    """
    mean, scale = moments(vectors)
    standardised = standardise(vectors, mean, scale, CLIP)
    model = LogisticRegression(C=strength, max_iter=300, tol=1e-3)
    model.fit(standardised, labels)
    weight = np.zeros((vectors.shape[1], genre_count), dtype=np.float32)
    coefficients, intercepts = _per_class(model)
    bias = np.full(genre_count, intercepts.min() - ABSENT_LOGIT_GAP, dtype=np.float32)
    weight[:, model.classes_] = coefficients.T
    bias[model.classes_] = intercepts
    return Head(mean=mean, scale=scale, clip=CLIP, weight=weight, bias=bias)


def _per_class(model: LogisticRegression) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """One row of coefficients a class; of two classes scikit-learn keeps only their difference."""
    if len(model.classes_) > 2:
        return model.coef_, model.intercept_
    return np.vstack([-model.coef_, model.coef_]) / 2, np.concatenate(
        [-model.intercept_, model.intercept_]
    ) / 2
