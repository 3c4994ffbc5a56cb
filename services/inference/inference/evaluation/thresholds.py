"""The vote of all stages together (a cascade) on held-out songs, and the thresholds that would serve best."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Floats
from inference.classify.voting_rule import decide
from inference.evaluation.artist_weights import artist_weights
from inference.evaluation.bootstrap import interval_of_share, per_group
from inference.evaluation.coverage import CoveragePoint, ScoredSongs, coverage_of
from inference.evaluation.metrics import confusion_matrix, effective_labels, genre_figures, macro_f1
from inference.evaluation.predictions import Predictions

CANDIDATE_THRESHOLDS = (0.0, *(0.3 + step / 40 for step in range(25)), 0.92, 0.94, 0.96, 0.98, 0.99, 1.01)
"""The last one is never reached: every song goes on to the next stage."""
ACCURACY_TOLERANCE = 0.01
"""Accuracy that may be lost against asking every stage of every song, with a certainty of 90 %."""
BOUND_Z = 1.645
"""Standard deviations of a one-sided 95 % bound: that the cheapest of many thresholds is taken by the same songs costs
part of the certainty."""
MOST_SONGS = 20_000
"""Thresholds are compared on at most so many songs; more would cost minutes and change nothing."""


@dataclass(frozen=True, kw_only=True)
class CascadePredictions:
    """What the vote of all stages gives for songs."""

    confidence: Floats
    """[m] of the deciding stage."""
    right: Bools
    """[m]"""
    predicted: NDArray[np.intp]
    """[m]"""
    stages: NDArray[np.intp]
    """[m] position of the deciding stage."""
    decided: Bools
    """[m] that stage decides; else its word is the last one, and a guess."""


@dataclass(frozen=True, kw_only=True)
class ThresholdPoint:
    """Accuracy and cost of the vote with these thresholds."""

    thresholds: tuple[float, ...]
    """By stage from the first; the last stage's changes nothing."""
    accuracy: float
    escalation_rate: float
    """Share of songs for which a later stage than the first runs."""
    later_stages_per_song: float
    """Mean number of later stages that run for a song: what the vote costs."""
    loss_high: float = 1.0
    """Upper end of the one-sided 95 % interval of the accuracy that is lost against every stage for every song."""


@dataclass(frozen=True, kw_only=True)
class CascadeFigures:
    """The vote of all stages, on songs that have the vectors of each."""

    songs: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    macro_f1: float
    decided: tuple[float, ...]
    """Share of the songs that each stage decides, with the thresholds in force; what is lacking to 1 is undecided."""
    proposed_thresholds: tuple[float, ...]
    curve: tuple[ThresholdPoint, ...]
    """The Pareto front of accuracy and cost."""
    coverage: tuple[CoveragePoint, ...]
    promise: CoveragePoint | None = None
    """The lowest threshold of which 95 % can be promised."""


def cascade_figures(
    *,
    test: Sequence[Predictions],
    out_of_fold: Sequence[Predictions],
    thresholds: Sequence[float],
    genres: Sequence[str],
) -> CascadeFigures:
    """Figures of the vote of all stages, each list by stage.

    Accuracy and shares are of the test part, with the thresholds in force; other thresholds are proposed, and coverage
    is, out of fold, which has the most songs.
    """
    tested = common(test)
    result = vote(tested, thresholds)
    truth = effective_labels(result.predicted, tested[0].multi_hot, tested[0].labels)
    confusion = confusion_matrix(truth, result.predicted, len(genres))
    low, high = interval_of_share(result.right, tested[0].groups)
    predictions = common(out_of_fold)
    curve = threshold_curve(sample(predictions))
    together = vote(predictions, thresholds)
    coverage = coverage_of(
        ScoredSongs(
            confidence=together.confidence,
            right=together.right,
            labels=predictions[0].labels,
            groups=predictions[0].groups,
        )
    )
    return CascadeFigures(
        songs=len(result.right),
        accuracy=float(result.right.mean()),
        accuracy_low=low,
        accuracy_high=high,
        macro_f1=macro_f1(genre_figures(confusion, genres)),
        decided=tuple(
            float(np.mean((result.stages == stage) & result.decided)) for stage in range(len(test))
        ),
        proposed_thresholds=propose_thresholds(curve),
        curve=pareto_front(curve),
        coverage=coverage.points,
        promise=coverage.promise,
    )


def sample(stages: Sequence[Predictions]) -> Sequence[Predictions]:
    """The predictions of each stage on at most `MOST_SONGS` of the songs, any."""
    songs = len(stages[0].rows)
    if songs <= MOST_SONGS:
        return stages
    kept = np.sort(np.random.default_rng(0).choice(songs, MOST_SONGS, replace=False))
    return [stage.only(kept) for stage in stages]


def common(stages: Sequence[Predictions]) -> list[Predictions]:
    """The predictions of each stage on the songs that all of them have, in one order."""
    rows = stages[0].rows
    for stage in stages[1:]:
        rows = np.intersect1d(rows, stage.rows)
    return [stage.only(positions(stage.rows, rows)) for stage in stages]


def positions(rows: NDArray[np.intp], wanted: NDArray[np.intp]) -> NDArray[np.intp]:
    order = np.argsort(rows)
    found: NDArray[np.intp] = order[np.searchsorted(rows, wanted, sorter=order)]
    return found


def vote(stages: Sequence[Predictions], thresholds: Sequence[float]) -> CascadePredictions:
    """The vote of these stages on the same songs."""
    confidences = [stage.confidence for stage in stages]
    decisions = decide(confidences, [stage.is_ood for stage in stages], thresholds[: len(stages)])
    deciding = decisions.stages, np.arange(len(decisions.stages))
    return CascadePredictions(
        confidence=np.stack(confidences)[deciding],
        right=np.stack([stage.right for stage in stages])[deciding],
        predicted=np.stack([stage.probabilities.argmax(axis=1) for stage in stages])[deciding],
        stages=decisions.stages,
        decided=decisions.decided,
    )


def threshold_curve(stages: Sequence[Predictions]) -> tuple[ThresholdPoint, ...]:
    """Accuracy and cost of every combination of thresholds; one point where there is a single stage."""
    points = []
    losses = _Losses(stages)
    for thresholds in product(CANDIDATE_THRESHOLDS, repeat=len(stages) - 1):
        result = vote(stages, (*thresholds, 0.0))
        points.append(
            ThresholdPoint(
                thresholds=(*(min(each, 1.0) for each in thresholds), 0.0),
                accuracy=float(result.right.mean()),
                escalation_rate=float(np.mean(result.stages > 0)),
                later_stages_per_song=float(np.mean(result.stages)),
                loss_high=losses.high(result.predicted),
            )
        )
    return tuple(points)


class _Losses:
    """What is lost where not every stage is asked of every song.

    By the last stage's calibrated probabilities of its own best genre and of the one that the vote names: they vary
    less than what labels say of single songs, and a wrong label does not make both wrong.
    """

    def __init__(self, stages: Sequence[Predictions]) -> None:
        first, last = stages[0], stages[-1]
        self._probabilities, self._groups = last.probabilities, last.groups
        self._weights, _ = artist_weights(
            first.confidence, first.right.astype(np.float64), first.labels, first.groups
        )

    def high(self, predicted: NDArray[np.intp]) -> float:
        """Upper end of what fresh songs lose by these genres [m], with artists as the units."""
        own = self._probabilities[np.arange(len(predicted)), predicted]
        lost = self._probabilities.max(axis=1) - own
        total = self._weights.sum()
        mean = float(self._weights @ lost / total)
        sums, _ = per_group(self._weights * (lost - mean), self._groups)
        return mean + BOUND_Z * float(np.sqrt((sums**2).sum()) / total)


def propose_thresholds(curve: Sequence[ThresholdPoint]) -> tuple[float, ...]:
    """The cheapest thresholds that lose at most one point of accuracy against asking every stage of every song."""
    enough = [point for point in curve if point.loss_high <= ACCURACY_TOLERANCE]
    return min(enough, key=cost).thresholds


def pareto_front(curve: Sequence[ThresholdPoint]) -> tuple[ThresholdPoint, ...]:
    """The points by rising cost that may lose less than every cheaper one."""
    kept: list[ThresholdPoint] = []
    for point in sorted(curve, key=cost):
        if not kept or point.loss_high < kept[-1].loss_high:
            kept.append(point)
    return tuple(kept)


def cost(point: ThresholdPoint) -> tuple[float, float, tuple[float, ...]]:
    """Later stages are what costs; at equal cost what loses less comes first, then the higher thresholds."""
    return point.later_stages_per_song, point.loss_high, tuple(-threshold for threshold in point.thresholds)
