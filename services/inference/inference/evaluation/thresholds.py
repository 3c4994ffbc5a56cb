"""The vote of all stages together on songs that none of its models heard, and which thresholds would serve best."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from inference.classify.voting import last_words
from inference.evaluation.bootstrap import interval_of_mean
from inference.evaluation.coverage import CoveragePoint, coverage_curve
from inference.evaluation.metrics import confusion_matrix, genre_figures, macro_f1, truths
from inference.evaluation.predictions import Judged

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]

TRIED_THRESHOLDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 1.01)
"""The last one is never reached: every song goes on to the next stage."""
GIVEN_UP = 0.01
"""Accuracy that may be lost against hearing everything."""


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What the stages together say of songs."""

    confidence: Floats
    """[m] of the deciding stage."""
    right: Bools
    """[m]"""
    predicted: NDArray[np.intp]
    """[m]"""
    deciding: NDArray[np.intp]
    """[m] position of the stage that has the last word."""
    decided: Bools
    """[m] that stage is sure enough, of a song like those of its training; else its word is a guess."""


@dataclass(frozen=True, kw_only=True)
class ThresholdPoint:
    """What the vote would be with these thresholds."""

    thresholds: tuple[float, ...]
    """By stage from the first; the last stage has the last word whatever its own says."""
    accuracy: float
    escalation_rate: float
    """Share of songs for which a later stage than the first runs."""
    later_stages: float
    """How many later stages run for a song, on average: what the vote costs."""


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
    """Only points that no other one beats in both accuracy and cost."""
    coverage: tuple[CoveragePoint, ...]


def cascade_figures(
    *,
    test: Sequence[Judged],
    validation: Sequence[Judged],
    out_of_fold: Sequence[Judged],
    thresholds: Sequence[float],
    genres: Sequence[str],
) -> CascadeFigures:
    """Figures of stages that judged the same kind of songs, each list by stage.

    Accuracy and shares are of the test part, with the thresholds in force; other thresholds are proposed from
    validation; coverage is out of fold, which has the most songs.
    """
    tested = common(test)
    result = vote(tested, thresholds)
    truth = truths(result.predicted, tested[0].named, tested[0].labels)
    confusion = confusion_matrix(truth, result.predicted, len(genres))
    low, high = interval_of_mean(result.right, tested[0].groups)
    curve = threshold_curve(common(validation))
    heard = common(out_of_fold)
    together = vote(heard, thresholds)
    return CascadeFigures(
        songs=len(result.right),
        accuracy=float(result.right.mean()),
        accuracy_low=low,
        accuracy_high=high,
        macro_f1=macro_f1(genre_figures(confusion, genres)),
        decided=tuple(
            float(np.mean((result.deciding == stage) & result.decided)) for stage in range(len(test))
        ),
        proposed_thresholds=proposed(curve),
        curve=best_of_their_cost(curve),
        coverage=coverage_curve(together.confidence, together.right, heard[0].groups),
    )


def common(stages: Sequence[Judged]) -> list[Judged]:
    """What the stages say of the songs that all of them judged, in one order."""
    rows = stages[0].rows
    for stage in stages[1:]:
        rows = np.intersect1d(rows, stage.rows)
    return [stage.only(positions(stage.rows, rows)) for stage in stages]


def positions(rows: NDArray[np.intp], wanted: NDArray[np.intp]) -> NDArray[np.intp]:
    order = np.argsort(rows)
    found: NDArray[np.intp] = order[np.searchsorted(rows, wanted, sorter=order)]
    return found


def vote(stages: Sequence[Judged], thresholds: Sequence[float]) -> Vote:
    """The first stage that reaches its threshold, on a song like those of its training, decides; else the last one."""
    confidences = [stage.confidence for stage in stages]
    last = last_words(confidences, [~stage.familiar for stage in stages], thresholds[: len(stages)])
    deciding, songs = last.stages, np.arange(len(last.stages))
    predicted = np.stack([stage.probabilities.argmax(axis=1) for stage in stages])[deciding, songs]
    right = np.stack([stage.right for stage in stages])[deciding, songs]
    return Vote(
        confidence=np.stack(confidences)[deciding, songs],
        right=right,
        predicted=predicted,
        deciding=deciding,
        decided=last.decided,
    )


def threshold_curve(stages: Sequence[Judged]) -> tuple[ThresholdPoint, ...]:
    """What every combination of thresholds gives; one point where there is a single stage."""
    points = []
    for thresholds in product(TRIED_THRESHOLDS, repeat=len(stages) - 1):
        result = vote(stages, (*thresholds, 0.0))
        points.append(
            ThresholdPoint(
                thresholds=(*(min(each, 1.0) for each in thresholds), 0.0),
                accuracy=float(result.right.mean()),
                escalation_rate=float(np.mean(result.deciding > 0)),
                later_stages=float(np.mean(result.deciding)),
            )
        )
    return tuple(points)


def proposed(curve: Sequence[ThresholdPoint]) -> tuple[float, ...]:
    """The thresholds that lose at most one point of accuracy against hearing everything, at the least cost."""
    everything = curve[-1].accuracy
    enough = [point for point in curve if point.accuracy >= everything - GIVEN_UP]
    return min(enough, key=cost).thresholds


def best_of_their_cost(curve: Sequence[ThresholdPoint]) -> tuple[ThresholdPoint, ...]:
    """The points by rising cost that are more accurate than every cheaper one."""
    kept: list[ThresholdPoint] = []
    for point in sorted(curve, key=cost):
        if not kept or point.accuracy > kept[-1].accuracy:
            kept.append(point)
    return tuple(kept)


def cost(point: ThresholdPoint) -> tuple[float, float, tuple[float, ...]]:
    """Hearing more is what costs; of equal shares the more accurate comes first, then the higher thresholds."""
    return point.later_stages, -point.accuracy, tuple(-threshold for threshold in point.thresholds)
