"""Whether labels that look wrong shall lose their weight, and what came of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.bootstrap import Z, per_group
from inference.training.head import Array

Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class NoiseFigures:
    """What was done about labels that look wrong."""

    suspects: int
    dropped: int
    """Left out of the last fit."""
    down_weighted: int
    accuracy_with: float
    accuracy_without: float
    """On validation artists, against the labels as they are."""
    doubt: float = 0.0
    """Share of the tags that the calibration takes for wrong."""


def noise_figures(
    suspects: Bools, weights: Array, accuracies: tuple[float, float], doubt: float
) -> NoiseFigures:
    """Figures of suspect songs [n] and what each song [n] counted; accuracy with and without."""
    return NoiseFigures(
        suspects=int(suspects.sum()),
        dropped=int((weights == 0).sum()),
        down_weighted=int(((weights > 0) & (weights < 1)).sum()),
        accuracy_with=accuracies[0],
        accuracy_without=accuracies[1],
        doubt=doubt,
    )


def handling_hurts(right_with: Bools, right_without: Bools, groups: NDArray[np.integer]) -> bool:
    """Whether fewer songs [n] of validation artists [n] are right with the handling, by more than chance would have it.

    Their own labels are partly wrong as well, which hides some of the gain: so a tie speaks for the handling.
    """
    difference = right_with.astype(np.float64) - right_without
    sums, sizes = per_group(difference, groups)
    error = np.sqrt(((sums - difference.mean() * sizes) ** 2).sum()) / len(difference)
    return bool(difference.mean() < -Z * error)
