"""Finds songs that are nearly the same sound: one recording under two names, on two albums, in two codecs."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Array

CLOSE = 0.4
"""Two songs are one recording where they are nearer to each other than so many times what usual neighbours are."""
NEIGHBOUR = 5
"""The usual neighbour: not the nearest, which is the copy where a library has each song twice."""
AXES = 48
SAMPLE = 1000
BLOCK = 1000
MOST_COPIES = 20
"""Pairs of one song with those after it: of a thousand equal ones each is linked with the next all the same."""
BEYOND = 5.0
"""Standard deviations at which a value is cut off: some of the 518 values have tails that hide all others."""


def same_recordings(vectors: Array) -> list[tuple[int, int]]:
    """Pairs of rows of `vectors` [songs, n] that are one recording, each pair once.

    Distances are those on the first principal components of the standardised values, taken in blocks: 100,000 songs
    need 10,000 million of them. On 48 songs in five encodings, late by a second or cut, a copy was at 0.1 to 0.3 of the
    distance to the nearest other song, in the worst case at 0.5.
    """
    if len(vectors) <= NEIGHBOUR:
        return []
    order = np.random.default_rng(len(vectors)).permutation(len(vectors))
    places = _places(vectors, order[: 5 * SAMPLE])
    sample = order[:SAMPLE]
    neighbours = np.partition(_squared_distances(places[sample], places), NEIGHBOUR, axis=1)[:, NEIGHBOUR]
    return list(_closer_than(places, CLOSE**2 * float(np.median(neighbours))))


def _places(vectors: Array, rows: NDArray[np.integer]) -> Array:
    """[songs, axes] on the principal components of the songs of these rows."""
    sample = vectors[rows]
    mean, deviation = sample.mean(axis=0), sample.std(axis=0)
    deviation[deviation == 0] = 1.0
    standardised = np.clip((sample - mean) / deviation, -BEYOND, BEYOND)
    _, _, components = np.linalg.svd(standardised - standardised.mean(axis=0), full_matrices=False)
    axes = components[:AXES].T.astype(np.float32)
    blocks = (np.clip((each - mean) / deviation, -BEYOND, BEYOND) @ axes for each in _blocks(vectors))
    return np.concatenate(list(blocks)).astype(np.float32)


def _blocks(rows: Array) -> Iterator[Array]:
    for start in range(0, len(rows), BLOCK):
        yield rows[start : start + BLOCK]


def _squared_distances(some: Array, others: Array) -> NDArray[np.float32]:
    squared: NDArray[np.float32] = (
        (some**2).sum(axis=1, keepdims=True) + (others**2).sum(axis=1) - 2 * some @ others.T
    )
    return squared


def _closer_than(places: Array, squared: float) -> Iterator[tuple[int, int]]:
    # |x - y|² < d is x·y - |y|²/2 > (|x|² - d)/2, which takes two passes over the products in place of five.
    halves = (places**2).sum(axis=1) / 2
    for start, block in zip(range(0, len(places), BLOCK), _blocks(places), strict=True):
        products = block @ places[start:].T
        products -= halves[start:]
        near = products > (halves[start : start + len(block)] - squared / 2)[:, np.newaxis]
        for row in np.flatnonzero(near.sum(axis=1) > 1):  # each is near itself
            for other in np.flatnonzero(near[row, row + 1 :])[:MOST_COPIES]:
                yield int(start + row), int(start + row + 1 + other)
