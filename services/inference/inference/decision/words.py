"""What people have said of songs, as their albums and artists are told of it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools
from inference.decision.evidence import NONE, Evidence

ERRORS = 0.02
"""Share of people's words that are taken for slips of the hand."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """Of which songs a person has said what they are; all arrays have one row a song."""

    spoken: Bools
    """[songs] somebody has."""
    genres: Bools
    """[songs, genres] those that are right; none: none that the model knows."""

    def instead_of(self, log_ratios: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """[songs, genres] logarithms of likelihood ratios: of the word where there is one, else of the sound."""
        named = self.genres.any(axis=1, keepdims=True)
        shares = self.genres / np.maximum(self.genres.sum(axis=1, keepdims=True), 1)
        by_word = np.log((1 - ERRORS) * shares / prior + ERRORS)
        words = np.where(named, by_word, 0.0)
        answer: NDArray[np.float64] = np.where(self.spoken[:, np.newaxis], words, log_ratios)
        return answer

    def those_that_speak(self, evidence: Evidence) -> Evidence:
        """The same where songs of none of the model's genres are on no album and of no artist.

        They tell nothing of these genres, and an album does not consist of them.
        """
        silent = self.spoken & ~self.genres.any(axis=1)
        return replace(
            evidence,
            albums=np.where(silent, NONE, evidence.albums),
            artists=np.where(silent, NONE, evidence.artists),
        )
