"""Out-of-distribution detection: how far a song is from the songs of a training, by the Mahalanobis distance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Array, Floats

DIMENSIONS = 32
MIN_SONGS_PER_DIMENSION = 4
SHRINKAGE = 0.1
"""Share of an even spread in the covariance within a genre: few songs know little of some directions."""
MAX_SONGS = 20_000
"""The directions are found on at most so many; more cost minutes and move nothing."""
OOD_RATE = 0.0075
"""Share of held-out songs that are taken for out of distribution, so that hardly any song of a known genre is."""


@dataclass(frozen=True, kw_only=True)
class MahalanobisDistance:
    """Where the training songs lie, d being the dimensions in which they differ most."""

    basis: Array
    """[n, d] principal directions of standardised vectors, orthonormal."""
    whitening: Array
    """[d, d] makes the covariance within a genre the identity."""
    centres: Array
    """[genres, d] means of the genres, whitened."""
    residual: float
    """Typical length of what the principal directions leave of a training song."""

    def distances(self, standardised: Array) -> Array:
        """[rows] distance of standardised vectors [rows, n] to the nearest genre; about 1 for a training song."""
        along = standardised @ self.basis
        whitened = along @ self.whitening
        squares = (whitened**2).sum(axis=1, keepdims=True) + (self.centres**2).sum(axis=1)
        nearest = np.maximum((squares - 2 * whitened @ self.centres.T).min(axis=1), 0)
        left = np.maximum((standardised**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        distances: Array = np.sqrt(nearest / self.basis.shape[1] + left / self.residual**2)
        return distances


def fit_mahalanobis(standardised: Array, soft_targets: Array) -> MahalanobisDistance:
    """Principal directions, genres' means and the covariance around them, of standardised vectors [songs, n].

    soft_targets : [songs, genres]. The distance is the Mahalanobis distance to the nearest class mean (Lee et al. 2018)
    with the residual outside of the principal directions added (Wang et al. 2022): the first notices loud versions of
    what is known, the second what is made of something else. The energy of the logits notices neither.
    """
    step = -(-len(standardised) // MAX_SONGS)
    songs, targets = standardised[::step], soft_targets[::step]
    dimensions = max(1, min(DIMENSIONS, len(songs) // MIN_SONGS_PER_DIMENSION, songs.shape[1]))
    basis = principal_directions(songs, dimensions)
    along = songs @ basis
    sizes = targets.sum(axis=0)
    centres = (targets.T @ along) / np.maximum(sizes, 1e-6)[:, np.newaxis]
    # A genre without a song here would stand in the middle of all, where it would be near to everything.
    centres[sizes == 0] = centres[sizes > 0][0]
    whitening = whitening_of(along - targets @ centres)
    left = np.maximum((songs**2).sum(axis=1) - (along**2).sum(axis=1), 0)
    return MahalanobisDistance(
        basis=basis,
        whitening=whitening,
        centres=(centres @ whitening).astype(np.float32),
        residual=max(float(np.sqrt(left.mean(dtype=np.float64))), 1e-3),
    )


def principal_directions(songs: Array, dimensions: int) -> Array:
    """[n, dimensions] orthonormal, by falling variance; the smaller of the two Gram matrices is decomposed."""
    if len(songs) >= songs.shape[1]:
        products = (songs.T @ songs).astype(np.float64)
        all_directions: Array = np.linalg.eigh(products)[1].astype(np.float32)
        directions: Array = all_directions[:, : -dimensions - 1 : -1]
        return directions
    values, vectors = np.linalg.eigh((songs @ songs.T).astype(np.float64))
    combined = songs.T @ vectors[:, : -dimensions - 1 : -1]
    lengths = np.sqrt(np.maximum(values[: -dimensions - 1 : -1], 1e-12))
    normal: Array = (combined / lengths).astype(np.float32)
    return normal


def whitening_of(offsets: Array) -> Array:
    """[d, d] by which offsets [songs, d] from their class means get the identity as their covariance."""
    covariance = (offsets.T @ offsets).astype(np.float64) / len(offsets)
    even = max(float(np.trace(covariance)) / len(covariance), 1e-9)
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * even * np.eye(len(covariance))
    inverse: NDArray[np.float64] = np.linalg.inv(np.linalg.cholesky(covariance)).T
    return inverse.astype(np.float32)


def ood_threshold_of(distances: Floats) -> float:
    """The distance that all but a few held-out songs stay within, of their distances [songs]."""
    return float(np.quantile(distances, 1 - OOD_RATE))
