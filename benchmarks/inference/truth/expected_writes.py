"""How many of the songs that would be written are expected to be right, as dry runs state it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z = 1.645
"""Standard deviations of a 90 % interval."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A number of songs that is expected, with its 90 % interval."""

    mean: float
    low: float
    high: float


def expected(low: NDArray[np.float64], mean: NDArray[np.float64], high: NDArray[np.float64]) -> Expected:
    """How many of some songs are right, by the probability of each [songs] in the three readings.

    The interval has both parts: what is not known of tags, and chance.
    """
    chance = Z * float(np.sqrt((mean * (1 - mean)).sum()))
    ends = low.sum(), high.sum()
    return Expected(
        mean=float(mean.sum()),
        low=max(0.0, float(min(ends)) - chance),
        high=min(float(len(mean)), float(max(ends)) + chance),
    )
