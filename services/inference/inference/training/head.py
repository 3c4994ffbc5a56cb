"""A genre head as Triton runs it: standardisation, at most one hidden layer, logits; and how far a song is from all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

ROWS_AT_ONCE = 8192
"""So that a hundred thousand songs are never standardised all at once."""


@dataclass(frozen=True, kw_only=True)
class Landmarks:
    """Where the training songs lie, d being the dimensions in which they differ most."""

    basis: Array
    """[n, d] principal directions of standardised vectors, orthonormal."""
    whitening: Array
    """[d, d] makes the spread within a genre 1 in every direction."""
    centres: Array
    """[genres, d] of the genres, whitened."""
    residual: float
    """Typical length of what the principal directions leave of a training song."""

    def distances(self, standardised: Array) -> Array:
        """[rows] distance to the nearest genre; about 1 for a song of the training."""
        along = standardised @ self.basis
        whitened = along @ self.whitening
        squares = (whitened**2).sum(axis=1, keepdims=True) + (self.centres**2).sum(axis=1)
        nearest = np.maximum((squares - 2 * whitened @ self.centres.T).min(axis=1), 0)
        left = np.maximum((standardised**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        distances: Array = np.sqrt(nearest / self.basis.shape[1] + left / self.residual**2)
        return distances


@dataclass(frozen=True, kw_only=True)
class Head:
    """The weights of one head; n is the width of the joined vectors, h that of the last layer's input."""

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
    landmarks: Landmarks | None = None
    """None in heads that were trained before there were any."""

    def logits(self, vectors: Array) -> Array:
        """Logits [rows, genres] of joined vectors [rows, n]."""
        return np.concatenate([self.layers(each) for each in self.portions(vectors)])

    def layers(self, standardised: Array) -> Array:
        """Logits of standardised vectors."""
        if self.hidden_weight is not None and self.hidden_bias is not None:
            standardised = np.maximum(standardised @ self.hidden_weight + self.hidden_bias, 0)
        return standardised @ self.weight + self.bias

    def distances(self, vectors: Array) -> Array:
        """[rows] how far joined vectors [rows, n] are from the songs of the training."""
        if self.landmarks is None:
            return np.zeros(len(vectors), dtype=np.float32)
        return np.concatenate([self.landmarks.distances(each) for each in self.portions(vectors)])

    def portions(self, vectors: Array) -> Iterator[Array]:
        """The vectors standardised, some thousand at a time; one portion of none when there are none."""
        for start in range(0, max(len(vectors), 1), ROWS_AT_ONCE):
            rows = vectors[start : start + ROWS_AT_ONCE]
            yield standardise(rows, self.mean, self.scale, self.clip)

    def scaled(self, scale: NDArray[np.floating], bias: NDArray[np.floating]) -> "Head":
        """The head whose logits are these logits times scale [genres] plus bias [genres]."""
        return replace(
            self,
            weight=(self.weight * scale).astype(np.float32),
            bias=(self.bias * scale + bias).astype(np.float32),
        )


def standardise(vectors: Array, mean: Array, scale: Array, clip: float) -> Array:
    """(vectors - mean) / scale cut at +-clip, float32."""
    # In place, because a training matrix is hundreds of MB and each temporary would be another.
    standardised: Array = vectors - mean
    standardised /= scale
    np.clip(standardised, -clip, clip, out=standardised)
    return standardised
