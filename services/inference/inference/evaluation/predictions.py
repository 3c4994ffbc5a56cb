"""Predictions on songs of artists that the model did not learn from, beside what their labels say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Ints
from inference.evaluation.coverage import ScoredSongs
from inference.evaluation.metrics import effective_labels


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Predictions on songs of artists that the model did not learn from; all arrays have one row a song."""

    rows: NDArray[np.intp]
    """[m] index of the song among those handed in."""
    probabilities: NDArray[np.float64]
    """[m, genres], calibrated."""
    multi_hot: Bools
    """[m, genres] the genres that the label names."""
    labels: Ints
    """[m] the first of them."""
    groups: Ints
    """[m] artist"""
    is_ood: Bools
    """[m] out of the distribution of the training."""

    @property
    def confidence(self) -> NDArray[np.float64]:
        """[m] probability of the best genre."""
        best: NDArray[np.float64] = self.probabilities.max(axis=1)
        return best

    @property
    def right(self) -> Bools:
        """[m] the best genre is one that the label names."""
        predicted = self.probabilities.argmax(axis=1)
        right: Bools = effective_labels(predicted, self.multi_hot, self.labels) == predicted
        return right

    @property
    def scored(self) -> ScoredSongs:
        """Confidence, and what the labels say of the best genre."""
        return ScoredSongs(
            confidence=self.confidence, right=self.right, labels=self.labels, groups=self.groups
        )

    def only(self, rows: Bools | NDArray[np.intp]) -> "Predictions":
        """These of the songs."""
        return Predictions(**{name: values[rows] for name, values in vars(self).items()})
