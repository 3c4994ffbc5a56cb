"""Linear discriminant analysis with a shrunken covariance, for soft targets and weighted songs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve

from inference.arrays import Array

CHUNK_ROWS = 8192
"""Rows whose products are summed in float32 before they are added up in float64."""


@dataclass(frozen=True, kw_only=True)
class ClassScatter:
    """Where the songs of each genre lie and how they scatter around it; k is n, or the number of songs if smaller."""

    basis: Array | None
    """[n, k] orthonormal, of the space in which all songs lie; None where that is the whole space."""
    means: NDArray[np.float64]
    """[genres, k]"""
    covariance: NDArray[np.float64]
    """[k, k] within a genre, pooled over genres."""
    priors: NDArray[np.float64]
    """[genres] share of the weight."""
    width: int
    """n"""


def fit_discriminant(
    vectors: Array, soft_targets: Array, weights: Array, *, shrinkages: Sequence[float]
) -> list[tuple[Array, Array]]:
    """Weights [n, genres] and biases [genres] float32 of the discriminant of each shrinkage, above 0 to 1.

    vectors : [songs, n] standardised; soft_targets : [songs, genres], each row sums to 1; weights : [songs].
    Genres are taken for Gaussians with one covariance S, of which (1 - shrinkage) S + shrinkage tr(S) / n I is used:
    with few songs S itself has directions that no two of them differ in (Friedman 1989; scikit-learn's
    LinearDiscriminantAnalysis with the solver "lsqr"). The logits are x . S^-1 m - m . S^-1 m / 2 + log prior.
    """
    scatter = class_scatter(vectors, soft_targets, weights)
    return [discriminant(scatter, shrinkage) for shrinkage in shrinkages]


def discriminant(scatter: ClassScatter, shrinkage: float) -> tuple[Array, Array]:
    """Weights [n, genres] and biases [genres]."""
    # Of the whole space: directions without a song have no part in the trace, and their even share of it.
    even = max(float(np.trace(scatter.covariance)) / scatter.width, 1e-9)
    covariance = (1 - shrinkage) * scatter.covariance
    covariance[np.diag_indices_from(covariance)] += shrinkage * even
    weight = solve(covariance, scatter.means.T, assume_a="pos")
    bias = np.log(scatter.priors) - (scatter.means.T * weight).sum(axis=0) / 2
    if scatter.basis is not None:
        weight = scatter.basis @ weight
    return weight.astype(np.float32), bias.astype(np.float32)


def class_scatter(vectors: Array, soft_targets: Array, weights: Array) -> ClassScatter:
    """Means and pooled covariance; of fewer songs than values in the space of the songs, which loses nothing.

    Every genre has songs. The scatter is the sum of all squares less that of the means, as soft targets sum to 1.
    """
    width = vectors.shape[1]
    basis = orthonormal_basis(vectors) if len(vectors) < width else None
    coordinates = vectors if basis is None else vectors @ basis
    counted = soft_targets * weights[:, np.newaxis]
    sizes = counted.sum(axis=0, dtype=np.float64)
    squares = np.zeros((coordinates.shape[1], coordinates.shape[1]))
    sums = np.zeros((len(sizes), coordinates.shape[1]))
    for start in range(0, len(coordinates), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        chunk = coordinates[rows]
        sums += counted[rows].T @ chunk
        weighted = chunk * np.sqrt(weights[rows, np.newaxis])
        squares += weighted.T @ weighted
    means = sums / sizes[:, np.newaxis]
    return ClassScatter(
        basis=basis,
        means=means,
        covariance=(squares - sums.T @ means) / sizes.sum(),
        priors=sizes / sizes.sum(),
        width=width,
    )


def orthonormal_basis(vectors: Array) -> Array:
    """[n, songs] of the space of vectors [songs, n]."""
    basis: Array = np.linalg.qr(vectors.T)[0]
    return basis
