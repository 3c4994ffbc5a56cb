"""How tags go wrong in a simulated library: each by itself, to a neighbour, or a whole artist's together."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from inference.arrays import Bools, Ints
from numpy.typing import NDArray


class NoiseKind(StrEnum):
    """Where wrong tags fall."""

    UNIFORM = "uniform"
    """On any other genre, song by song."""
    NEIGHBOUR = "neighbour"
    """On the genre that sounds most alike, song by song: a systematic mistake."""
    TOGETHER = "together"
    """On any other genre, the same for all songs of an artist (or of an album)."""


@dataclass(frozen=True, kw_only=True)
class TagNoise:
    """A process that makes some tags wrong."""

    kind: NoiseKind = NoiseKind.UNIFORM
    rate: float = 0.0

    def matrix(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """[genres, genres] P(tag | genre), each row sums to 1; `distances` [genres, genres] between their sounds."""
        genres = len(distances)
        off = (1 - np.eye(genres)) / (genres - 1)
        if self.kind == NoiseKind.NEIGHBOUR:
            apart = distances + np.diag(np.full(genres, np.inf))
            off = np.eye(genres)[apart.argmin(axis=1)]
        noisy: NDArray[np.float64] = (1 - self.rate) * np.eye(genres) + self.rate * off
        return noisy

    def tags(
        self, truth: Bools, together: Ints, matrix: NDArray[np.float64], random: np.random.Generator
    ) -> Bools:
        """[songs, genres] the tag of each song, drawn by the row of its genre.

        Songs with one number in `together` [songs] and one genre are tagged alike where the kind says so.
        """
        if self.rate == 0:
            return truth.copy()
        genre = truth.argmax(axis=1)
        draws = random.random(len(genre))
        if self.kind == NoiseKind.TOGETHER:
            _, unit = np.unique(np.column_stack([together, genre]), axis=0, return_inverse=True)
            draws = random.random(unit.max() + 1)[unit.ravel()]
        tag = (draws[:, np.newaxis] > matrix.cumsum(axis=1)[genre]).sum(axis=1)
        drawn: Bools = np.minimum(tag, len(matrix) - 1)[:, np.newaxis] == np.arange(len(matrix))
        return drawn
