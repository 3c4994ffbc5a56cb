"""Features of a radial basis function machine: how near a song is to each of some hundred landmarks."""

import numpy as np

from inference.arrays import Array

MAX_LANDMARKS = 1024
"""Of 768 songs in genres of four islands each 512 cost a point of accuracy; more cost time in every call."""
SMALLEST_EIGENVALUE = 1e-4
"""Of the landmarks' kernel, relative to the largest: what lies below is noise of float32."""


def choose_landmarks(vectors: Array, weights: Array, seed: int) -> Array:
    """[n, h] columns of vectors [songs, n], drawn by the weights [songs]: songs of rare genres are likelier."""
    count = min(MAX_LANDMARKS, int(np.count_nonzero(weights)))
    probabilities = weights.astype(np.float64) / weights.sum(dtype=np.float64)
    drawn = np.random.default_rng(seed).choice(len(vectors), count, replace=False, p=probabilities)
    return np.ascontiguousarray(vectors[drawn].T)


def squared_distances(vectors: Array, landmarks: Array) -> Array:
    """[songs, h] float32 of vectors [songs, n] to landmarks [n, h]."""
    # In place: of a hundred thousand songs each further array has 200 MB.
    distances: Array = vectors @ (-2 * landmarks)
    distances += np.einsum("ij,ij->i", vectors, vectors)[:, np.newaxis]
    distances += (landmarks**2).sum(axis=0)
    return np.maximum(distances, 0, out=distances)


def radial_basis(squares: Array, gamma: float, *, out: Array | None = None) -> Array:
    """exp(-gamma * squares), float32; `out` may be the squares themselves."""
    values: Array = np.multiply(squares, np.float32(-gamma), out=out)
    return np.exp(values, out=values)


def nystrom_map(landmarks: Array, gamma: float) -> Array:
    """[h, d] that makes products of features the kernel itself (Nyström; Williams and Seeger 2001), d at most h.

    A penalty on weights is then one on the function, as in a support vector machine; without it landmarks that lie
    close together would count many times.
    """
    kernel = radial_basis(squared_distances(np.ascontiguousarray(landmarks.T), landmarks), gamma)
    values, directions = np.linalg.eigh(kernel.astype(np.float64))
    kept = values > SMALLEST_EIGENVALUE * values[-1]
    mapped: Array = (directions[:, kept] / np.sqrt(values[kept])).astype(np.float32)
    return mapped
