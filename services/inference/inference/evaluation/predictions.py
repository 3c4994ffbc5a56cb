"""Songs that a model judged which never heard their artists."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.metrics import truths

Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Songs that a model judged which never heard their artists."""

    rows: NDArray[np.intp]
    """[m] index of the song among those handed in."""
    probabilities: NDArray[np.float64]
    """[m, genres], calibrated."""
    named: Bools
    """[m, genres] what their labels name."""
    labels: NDArray[np.intp]
    """[m] the first of that."""
    groups: NDArray[np.integer]
    """[m] artist"""
    strange: Bools | None = None
    """[m] unlike the songs of the training; None where nobody has looked."""

    @property
    def familiar(self) -> Bools:
        """[m] like the songs of the training, as far as anybody knows."""
        everything: Bools = np.ones(len(self.rows), dtype=np.bool_)
        return everything if self.strange is None else ~self.strange

    @property
    def confidence(self) -> NDArray[np.float64]:
        """[m] probability of the best genre."""
        best: NDArray[np.float64] = self.probabilities.max(axis=1)
        return best

    @property
    def right(self) -> Bools:
        """[m] the best genre is one that the label names."""
        predicted = self.probabilities.argmax(axis=1)
        right: Bools = truths(predicted, self.named, self.labels) == predicted
        return right

    def only(self, chosen: Bools | NDArray[np.intp]) -> "Judged":
        """These of the songs."""
        return Judged(
            rows=self.rows[chosen],
            probabilities=self.probabilities[chosen],
            named=self.named[chosen],
            labels=self.labels[chosen],
            groups=self.groups[chosen],
            strange=None if self.strange is None else self.strange[chosen],
        )
