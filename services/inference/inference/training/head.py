"""A genre head as Triton runs it: standardisation, at most one hidden layer, logits, Mahalanobis distance.

The hidden layer is of rectified units, or of radial basis functions: exp(-gamma * squared distance to a landmark).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from inference.arrays import Array, Floats
from inference.training.kernel_features import radial_basis, squared_distances
from inference.training.out_of_distribution import MahalanobisDistance

ROWS_AT_ONCE = 8192
"""So that a hundred thousand songs are never standardised all at once."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """The weights of one head; n is the width of the concatenated vectors, h that of the last layer's input."""

    mean: Array
    """[n] of the training songs."""
    scale: Array
    """[n] standard deviation of the training songs, 1 where a column is constant."""
    clip: float
    weight: Array
    """[h, genres]; h is n where there is no hidden layer."""
    bias: Array
    """[genres]"""
    hidden_weight: Array | None = None
    """[n, h] of a hidden layer of rectified units, if there is one."""
    hidden_bias: Array | None = None
    """[h]"""
    landmarks: Array | None = None
    """[n, h] standardised songs of a hidden layer of radial basis functions, if there is one."""
    gamma: float = 0.0
    """Of these functions."""
    ood_distance: MahalanobisDistance | None = None
    """None in heads that only choose a recipe; every head that serves has one."""

    def logits(self, vectors: Array) -> Array:
        """Logits [rows, genres] float32 of concatenated vectors [rows, n]."""
        return np.concatenate([self.layers(each) for each in self.batches(vectors)])

    def layers(self, standardised: Array) -> Array:
        """Logits of standardised vectors."""
        if self.hidden_weight is not None and self.hidden_bias is not None:
            standardised = np.maximum(standardised @ self.hidden_weight + self.hidden_bias, 0)
        if self.landmarks is not None:
            standardised = radial_basis(squared_distances(standardised, self.landmarks), self.gamma)
        return standardised @ self.weight + self.bias

    def distances(self, vectors: Array) -> Array:
        """[rows] float32 Mahalanobis distance of vectors [rows, n] from the training songs; 0 without one."""
        if self.ood_distance is None:
            return np.zeros(len(vectors), dtype=np.float32)
        return np.concatenate([self.ood_distance.distances(each) for each in self.batches(vectors)])

    def batches(self, vectors: Array) -> Iterator[Array]:
        """The vectors standardised, some thousand at a time; one empty batch when there are none."""
        for start in range(0, max(len(vectors), 1), ROWS_AT_ONCE):
            rows = vectors[start : start + ROWS_AT_ONCE]
            yield standardise(rows, self.mean, self.scale, self.clip)

    def scaled(self, scale: Floats, bias: Floats) -> "Head":
        """The head whose logits are these logits times scale [genres] plus bias [genres]."""
        return replace(
            self,
            weight=(self.weight * scale).astype(np.float32),
            bias=(self.bias * scale + bias).astype(np.float32),
        )


def standardise(vectors: Array, mean: Array, scale: Array, clip: float, *, out: Array | None = None) -> Array:
    """(vectors - mean) / scale cut at +-clip, float32; `out` may be the vectors themselves."""
    # In place, because a training matrix is hundreds of MB and each temporary would be another.
    standardised: Array = np.subtract(vectors, mean, out=out)
    standardised /= scale
    np.clip(standardised, -clip, clip, out=standardised)
    return standardised
