"""What would be written to songs: fills and corrections."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Ints
from inference.decision.evidence import Probabilities


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
