"""Finds the landmarks by which a song is seen to be unlike all songs of a training."""

import numpy as np
from numpy.typing import NDArray

from inference.training.head import Array, Landmarks

DIMENSIONS = 32
FEWEST_SONGS_A_DIMENSION = 4
SHRINKAGE = 0.1
"""Share of an even spread in the spread within a genre: few songs know little of some directions."""
MOST_SONGS = 20_000
"""The directions are found on at most so many; more cost minutes and move nothing."""
BEYOND = 0.0075
"""Share of held-out songs that are taken for strangers, so that hardly any song of a known genre is."""


def find_landmarks(standardised: Array, shares: Array) -> Landmarks:
    """Principal directions, genres' centres and the spread around them, of standardised vectors [songs, n].

    shares : [songs, genres] what each genre has of a song. The distance is Mahalanobis' to the nearest centre (Lee et
    al. 2018) with what lies outside of the principal directions beside it (Wang et al. 2022): the first sees loud
    versions of what is known, the second what is made of something else. The energy of the logits sees neither.
    """
    step = -(-len(standardised) // MOST_SONGS)
    songs, shares = standardised[::step], shares[::step]
    dimensions = max(1, min(DIMENSIONS, len(songs) // FEWEST_SONGS_A_DIMENSION, songs.shape[1]))
    basis = principal_directions(songs, dimensions)
    along = songs @ basis
    sizes = shares.sum(axis=0)
    centres = (shares.T @ along) / np.maximum(sizes, 1e-6)[:, np.newaxis]
    # A genre without a song here would stand in the middle of all, where it would be near to everything.
    centres[sizes == 0] = centres[sizes > 0][0]
    whitening = whitened(along - shares @ centres)
    left = np.maximum((songs**2).sum(axis=1) - (along**2).sum(axis=1), 0)
    return Landmarks(
        basis=basis,
        whitening=whitening,
        centres=(centres @ whitening).astype(np.float32),
        residual=max(float(np.sqrt(left.mean(dtype=np.float64))), 1e-3),
    )


def principal_directions(songs: Array, dimensions: int) -> Array:
    """[n, dimensions] orthonormal, by falling variance; the smaller of the two matrices of products is decomposed."""
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


def whitened(around: Array) -> Array:
    """[d, d] by which offsets [songs, d] from their centres get a spread of 1 in every direction."""
    spread = (around.T @ around).astype(np.float64) / len(around)
    even = max(float(np.trace(spread)) / len(spread), 1e-9)
    spread = (1 - SHRINKAGE) * spread + SHRINKAGE * even * np.eye(len(spread))
    inverse: NDArray[np.float64] = np.linalg.inv(np.linalg.cholesky(spread)).T
    return inverse.astype(np.float32)


def ood_threshold(distances: NDArray[np.floating]) -> float:
    """The distance that all but a few of held-out songs stay within; of songs that no model heard, [songs]."""
    return float(np.quantile(distances, 1 - BEYOND))
