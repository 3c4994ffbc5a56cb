"""What would be written to songs: fills and corrections, and how many of them are expected to be right."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Ints
from inference.decision.evidence import Probabilities

Z = 1.645
"""Standard deviations of a 90 % interval."""


class WriteKind(IntEnum):
    """What writing a song's genre would be; the numbers are those of the contract."""

    NONE = 1
    """Its tags name the genre already."""
    FILL = 2
    """It has no tag that counts."""
    CORRECTION = 3
    """Its tag stands for another genre."""


@dataclass(frozen=True, kw_only=True)
class Decided:
    """The genre of songs, and what writing it would be; all arrays have one row a song."""

    genres: Ints
    confidences: NDArray[np.float64]
    """Probability of the genre."""
    kinds: Ints
    """A `WriteKind`."""
    tag_probabilities: NDArray[np.float64]
    """That a genre of its own tags is right; 0 where it has none."""


def decided(final: Probabilities, tags: Bools) -> Decided:
    """By probabilities given everything [songs, genres] and the genres of the songs' tags [songs, genres]."""
    songs = np.arange(len(final))
    genres = final.argmax(axis=1)
    kinds = np.where(tags.any(axis=1), WriteKind.CORRECTION, WriteKind.FILL)
    return Decided(
        genres=genres,
        confidences=final[songs, genres],
        kinds=np.where(tags[songs, genres], WriteKind.NONE, kinds),
        tag_probabilities=(final * tags).sum(axis=1),
    )


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
