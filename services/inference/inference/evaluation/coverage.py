"""Coverage and accuracy by the confidence threshold (selective classification), and the promise of 95 %."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Floats, Ints
from inference.evaluation.artist_weights import artist_weights
from inference.evaluation.bootstrap import Z, wilson_low

THRESHOLDS = (*(step / 20 for step in range(20)), 0.97, 0.98, 0.99)
"""Of the curve: every twentieth, and closer where it matters."""
PROMISED = 0.95
TOLERATED = 0.93
"""What is promised must hold at least so far, with a certainty of 90 %."""
ONE_SIDED_Z = 1.2816
"""Standard deviations of a one-sided 90 % bound."""
MIN_SONGS = 20
"""A share of fewer songs than these says nothing."""


@dataclass(frozen=True, kw_only=True)
class ScoredSongs:
    """Songs that a model did not learn from, and whether it is right about them; all arrays have one row a song."""

    confidence: Floats
    """[n] of the best genre."""
    right: Floats | Bools
    """[n] the probability that this genre is right; 0 or 1 where labels are taken at their word."""
    labels: Ints
    """[n] genre"""
    groups: Ints
    """[n] artist"""
    unknown: Floats | None = None
    """[n] standard deviation of `right` by what is not known of tags, the same way for all songs; None: nothing."""


@dataclass(frozen=True, kw_only=True)
class CoveragePoint:
    """Coverage and accuracy at one threshold, as expected of fresh songs of fresh artists."""

    threshold: float
    coverage: float
    """Share of songs whose confidence reaches it."""
    accuracy: float
    """Share of right ones among those; 0 when there are none."""
    accuracy_low: float
    """Lower end of the 95 % interval of the accuracy."""


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What thresholds give."""

    points: tuple[CoveragePoint, ...]
    """Of rising threshold; the promise is among them."""
    promise: CoveragePoint | None
    """The lowest threshold of which 95 % can be promised; None where there is none."""


def coverage_of(songs: ScoredSongs, thresholds: Sequence[float] = THRESHOLDS) -> Coverage:
    """Coverage and accuracy at these thresholds, and at the one that can be promised; there is at least one song."""
    curve = _curve(songs)
    promise = curve.promise()
    points = [curve.at(threshold) for threshold in thresholds]
    if promise is not None:
        points.append(promise)
    return Coverage(points=tuple(sorted(points, key=lambda point: point.threshold)), promise=promise)


@dataclass(frozen=True, kw_only=True)
class _Curve:
    """What holds of the surest songs; all arrays have an entry for each number of them from 1."""

    confidence: NDArray[np.float64]
    """Of the last one, falling."""
    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    size: NDArray[np.float64]
    """Independent songs that would tell the accuracy as well."""

    def at(self, threshold: float) -> CoveragePoint:
        """The point of a threshold."""
        decided = int(np.searchsorted(-self.confidence, -threshold, side="right"))
        if decided == 0:
            return CoveragePoint(threshold=float(threshold), coverage=0.0, accuracy=0.0, accuracy_low=0.0)
        return self._point(decided - 1, float(threshold))

    def promise(self) -> CoveragePoint | None:
        """The lowest threshold at which 95 % are right, and with a certainty of 90 % at least 93 %.

        None where no threshold is so good: fewer than 22 songs are too few though all be right.
        """
        # Songs of one confidence are decided together.
        last_of_its_kind = np.append(self.confidence[1:] < self.confidence[:-1], True)
        is_sure = wilson_low(self.accuracy, self.size, ONE_SIDED_Z) >= TOLERATED
        good = last_of_its_kind & (self.accuracy >= PROMISED) & is_sure
        if not good.any():
            return None
        chosen = int(np.flatnonzero(good)[-1])
        return self._point(chosen, float(self.confidence[chosen]))

    def _point(self, index: int, threshold: float) -> CoveragePoint:
        accuracy, size = self.accuracy[index : index + 1], self.size[index : index + 1]
        return CoveragePoint(
            threshold=threshold,
            coverage=float(self.coverage[index]),
            accuracy=float(accuracy[0]),
            accuracy_low=float(wilson_low(accuracy, size, Z)[0]),
        )


def _curve(songs: ScoredSongs) -> _Curve:
    right = np.asarray(songs.right, dtype=np.float64)
    weights, effect = artist_weights(songs.confidence, right, songs.labels, songs.groups)
    order = np.argsort(-songs.confidence, kind="stable")
    own = weights[order]
    total = np.cumsum(own)
    # Rounding must not lift a share of right songs above 1.
    accuracy = np.minimum(np.cumsum(own * right[order]) / total, 1.0)
    # The design effect is of all songs: the few that a high threshold leaves may all be right, and seem independent.
    size = total**2 / np.cumsum(own**2) / effect
    if songs.unknown is not None:
        size = lessened(size, accuracy, np.cumsum(own * songs.unknown[order]) / total)
    return _Curve(
        confidence=np.asarray(songs.confidence, dtype=np.float64)[order],
        coverage=total / total[-1],
        accuracy=accuracy,
        size=size,
    )


def lessened(size: Floats, share: Floats, spread: Floats) -> NDArray[np.float64]:
    """Independent songs that tell a share as well as `size` do where it is not known to within `spread` besides."""
    cautious = (share * size + 1) / (size + 2)
    fewer: NDArray[np.float64] = 1 / (1 / size + spread**2 / (cautious * (1 - cautious)))
    return fewer
