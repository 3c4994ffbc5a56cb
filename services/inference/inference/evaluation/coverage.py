"""Coverage and accuracy by the confidence threshold (selective classification)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.arrays import Bools, Floats, Ints
from inference.evaluation.bootstrap import design_effect, lower_end

THRESHOLDS = (*(step / 20 for step in range(20)), 0.97, 0.98, 0.99)
"""Of the curve: every twentieth, and closer where it matters."""
TARGET_ACCURACY = 0.95
MIN_SONGS = 20
"""A share of fewer songs than these says nothing."""


@dataclass(frozen=True, kw_only=True)
class CoveragePoint:
    """Coverage and accuracy at one threshold."""

    threshold: float
    coverage: float
    """Share of songs whose confidence reaches it."""
    accuracy: float
    """Share of right ones among those; 0 when there are none."""
    accuracy_low: float
    """Lower end of the 95 % interval of the accuracy."""


def coverage_curve(
    confidence: Floats, right: Bools, groups: Ints, thresholds: Sequence[float] = THRESHOLDS
) -> tuple[CoveragePoint, ...]:
    """Points of rising threshold, for confidences [n] of predictions that are right or not [n], of artists `groups`
    [n].

    Among them the lowest threshold at which 95 % are right, where there is one: most people want that one.
    """
    # Of all songs, since the few that a high threshold leaves may all be right and would seem independent.
    effect = design_effect(right, groups)
    points = [coverage_at(threshold, confidence, right, effect) for threshold in thresholds]
    at_target = threshold_for_precision(confidence, right, groups, TARGET_ACCURACY)
    if at_target is not None:
        points.append(at_target)
    return tuple(sorted(points, key=lambda point: point.threshold))


def coverage_at(threshold: float, confidence: Floats, right: Bools, effect: float) -> CoveragePoint:
    """Coverage and accuracy at one threshold; effect : see `design_effect`."""
    reached = confidence >= threshold
    songs, hits = int(reached.sum()), int(right[reached].sum())
    return CoveragePoint(
        threshold=float(threshold),
        coverage=songs / max(len(right), 1),
        accuracy=hits / max(songs, 1),
        accuracy_low=lower_end(hits, songs, effect),
    )


def threshold_for_precision(
    confidence: Floats, right: Bools, groups: Ints, accuracy: float
) -> CoveragePoint | None:
    """The lowest threshold at which at least `accuracy` of the decided songs are right, and what it covers.

    None where no threshold that decides 20 songs is so good. `accuracy_low` says how sure the accuracy is: on few songs
    it lies far below.
    """
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order]
    decided = np.arange(1, len(order) + 1)
    # Songs of one confidence are decided together.
    last_of_its_kind = np.append(sorted_confidence[1:] < sorted_confidence[:-1], True)
    good = last_of_its_kind & (decided >= MIN_SONGS) & (np.cumsum(right[order]) >= accuracy * decided)
    if not good.any():
        return None
    threshold = float(sorted_confidence[np.flatnonzero(good)[-1]])
    return coverage_at(threshold, confidence, right, design_effect(right, groups))
