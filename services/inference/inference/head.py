"""A genre head: standardisation and one linear layer, as Triton runs it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Head:
    """The weights of one head; n is the width of the joined vectors."""

    mean: Array
    """[n] of the training songs."""
    scale: Array
    """[n] standard deviation of the training songs, 1 where a column is constant."""
    clip: float
    weight: Array
    """[n, genres]"""
    bias: Array
    """[genres]"""

    def logits(self, vectors: Array) -> Array:
        """Logits [rows, genres] of joined vectors [rows, n]."""
        return standardise(vectors, self.mean, self.scale, self.clip) @ self.weight + self.bias


def standardise(vectors: Array, mean: Array, scale: Array, clip: float) -> Array:
    """(vectors - mean) / scale cut at +-clip, float32."""
    # In place, because a training matrix is hundreds of MB and each temporary would be another.
    standardised: Array = vectors - mean
    standardised /= scale
    np.clip(standardised, -clip, clip, out=standardised)
    return standardised
