"""What is known of songs: their sound, their tags, and which albums and artists they are of."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Ints

Probabilities = NDArray[np.float64]
"""[songs, genres], each row sums to 1."""
NONE = -1
"""On no album, or of no artist."""


class AlbumKind(IntEnum):
    """How much an album is of one genre differs by its kind."""

    ARTIST = 0
    COMPILATION = 1
    SOUNDTRACK = 2


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of songs; all arrays have one row a song."""

    sound: Probabilities
    """[songs, genres] calibrated, by a model that did not learn from the song's artist."""
    tags: Bools
    """[songs, genres] the genres that its own tags stand for; none: it has no tag that counts."""
    albums: Ints
    """[songs] number of its album, or `NONE`."""
    artists: Ints
    """[songs] number of the artist whose album it is, or `NONE`: a compilation is nobody's."""
    kinds: Ints
    """[songs] the `AlbumKind` of its album."""
    recordings: Ints
    """[songs] number of its recording; on one album, copies of one count once."""

    def only(self, rows: Bools | Ints) -> "Evidence":
        """That of these rows."""
        return Evidence(**{name: values[rows] for name, values in vars(self).items()})

    @property
    def is_tagged(self) -> Bools:
        """[songs] it has a tag that counts."""
        return np.asarray(self.tags.any(axis=1))


def numbered(names: Ints) -> Ints:
    """The names as numbers from 0; each `NONE` gets one of its own."""
    named = np.where(names == NONE, -1 - np.arange(1, len(names) + 1), names)
    return np.unique(named, return_inverse=True)[1]
