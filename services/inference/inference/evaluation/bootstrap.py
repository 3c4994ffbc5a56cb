"""Confidence intervals of a share of right answers, where the songs of one artist are right or wrong together."""

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Floats, Ints

Values = Floats | Bools

REPEATS = 2000
SEED = 95
QUANTILES = (2.5, 97.5)
Z = 1.96
"""Standard deviations of a two-sided 95 % interval."""


def interval_of_mean(values: Values, groups: Ints) -> tuple[float, float]:
    """95 % percentile interval of the mean of `values` [n] by a cluster bootstrap over `groups` [n].

    Artists are drawn with replacement, not songs: ten songs of one album are hardly more evidence than one, and an
    interval over songs would be too narrow wherever an artist has several.
    """
    sums, sizes = per_group(values, groups)
    drawn = np.random.default_rng(SEED).multinomial(
        len(sums), np.full(len(sums), 1 / len(sums)), size=REPEATS
    )
    means = (drawn @ sums) / np.maximum(drawn @ sizes, 1)
    low, high = np.percentile(means, QUANTILES)
    return float(low), float(high)


def interval_of_share(right: Values, groups: Ints) -> tuple[float, float]:
    """95 % interval of the share of right answers [n], by `interval_of_mean` where some are right and some wrong.

    Of a handful that are all right each draw is all right too, and 100 to 100 % would be said. There the Wilson score
    interval is taken, of as many answers as there are groups.
    """
    if np.any(right) and not np.all(right):
        return interval_of_mean(right, groups)
    count = len(np.unique(groups))
    if not count:
        return 0.0, 1.0
    low = float(wilson_low(np.ones(1), np.full(1, float(count)))[0])
    return (low, 1.0) if np.any(right) else (0.0, 1.0 - low)


def per_group(values: Values, groups: Ints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of the values, and number of songs, of each group."""
    _, group_of = np.unique(groups, return_inverse=True)
    sums = np.bincount(group_of, weights=values).astype(np.float64)
    return sums, np.bincount(group_of).astype(np.float64)


def wilson_low(share: Floats, size: Floats, z: float = Z) -> NDArray[np.float64]:
    """Lower end of the Wilson score interval of shares of right ones among so many independent songs, both [n].

    Unlike a bootstrap it does not say 100 % where all of a handful are right. z : standard deviations.
    """
    centre = share + z**2 / (2 * size)
    spread = z * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    low: NDArray[np.float64] = (centre - spread) / (1 + z**2 / size)
    return low
