"""What each song counts where fresh songs, of fresh artists, are in question."""

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Floats, Ints

USUAL_CORRELATION = 0.1
PRIOR_ARTISTS = 10.0
"""Artists' worth of evidence that songs of an artist are right together as they usually are."""
LEAST_CORRELATION = 0.01


def artist_weights(
    confidence: Floats, right: Floats, labels: Ints, groups: Ints
) -> tuple[NDArray[np.float64], float]:
    """Weight of each song, and the design effect that is left: by how much artists widen the variance; at least 1.

    All [n] : confidence of the best genre, how likely it is right, the song's genre, and its artist. An artist counts
    as the effective number of its songs, n / (1 + (n - 1) * rho), rho the intraclass correlation of being right: 400
    songs of one artist say of fresh artists hardly more than 10 do. The genres keep their shares, so that the other
    artists of a genre stand for the songs of its giant too.
    """
    _, artist, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    expected = by_confidence(confidence, right)
    correlation = intraclass_correlation(right - expected, artist)
    raw = 1 / (1 + (sizes[artist] - 1) * correlation)
    shares = np.bincount(labels) / np.maximum(np.bincount(labels, weights=raw), 1e-12)
    weights: NDArray[np.float64] = raw * shares[labels]
    beyond = weights * (right - by_confidence(confidence, right, weights))
    independent = float((beyond**2).sum())
    together = float((np.bincount(artist, weights=beyond) ** 2).sum())
    return weights, max(1.0, together / independent) if independent > 0 else 1.0


def by_confidence(confidence: Floats, right: Floats, weights: Floats | None = None) -> NDArray[np.float64]:
    """[n] how many songs are right at each song's confidence, which only rises with it (isotonic regression)."""
    # Here, so that a service that decides nothing does not hold it.
    from scipy.optimize import isotonic_regression

    order = np.argsort(confidence, kind="stable")
    fitted = np.empty(len(order))
    ordered = None if weights is None else weights[order]
    fitted[order] = isotonic_regression(right[order].astype(np.float64), weights=ordered).x
    return fitted


def intraclass_correlation(beyond: Floats, artist: Ints) -> float:
    """Correlation of what two songs of one artist [n] are right `beyond` [n] what their confidences tell; each artist
    counts once."""
    sizes = np.bincount(artist)
    several = sizes > 1
    sums, squares = np.bincount(artist, weights=beyond), np.bincount(artist, weights=beyond**2)
    pairs = (sums**2 - squares)[several] / (sizes * (sizes - 1))[several]
    variance = float(np.mean(beyond**2))
    if variance == 0:
        return USUAL_CORRELATION
    found = (pairs.sum() / variance + PRIOR_ARTISTS * USUAL_CORRELATION) / (several.sum() + PRIOR_ARTISTS)
    return float(np.clip(found, LEAST_CORRELATION, 1))
