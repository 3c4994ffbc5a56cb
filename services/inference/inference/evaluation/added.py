"""What a stage adds to the one before it, on held-out songs that both have."""

from dataclasses import dataclass

import numpy as np

from inference.arrays import Floats, Ints
from inference.evaluation.bootstrap import interval_of_mean
from inference.evaluation.comparison import MIN_ARTISTS, MIN_SONGS
from inference.evaluation.predictions import Predictions
from inference.evaluation.thresholds import common


@dataclass(frozen=True, kw_only=True)
class Added:
    """Accuracy of a stage less that of the one before."""

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    """95 % interval, by a paired bootstrap over artists; -1 to 1 where there are too few of them or of songs."""
    songs: int
    """That were compared."""


def added_by(before: Predictions, after: Predictions) -> Added | None:
    """What a stage adds to the one before, both by rows of the corpus; None where no song has predictions of both."""
    before, after = common([before, after])
    if not len(after.rows):
        return None
    difference = after.right.astype(np.float64) - before.right
    low, high = interval_of_difference(difference, after.groups)
    return Added(
        accuracy=float(difference.mean()), accuracy_low=low, accuracy_high=high, songs=len(difference)
    )


def interval_of_difference(difference: Floats, groups: Ints) -> tuple[float, float]:
    """Of the mean of differences [n] of 1, 0 and -1."""
    if len(difference) < MIN_SONGS or len(np.unique(groups)) < MIN_ARTISTS:
        return -1.0, 1.0
    return interval_of_mean(difference, groups)
