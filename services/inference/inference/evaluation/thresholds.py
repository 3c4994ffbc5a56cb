"""The vote of all stages together (a cascade) on held-out songs, and the thresholds that would serve best."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Floats
from inference.classify.voting_rule import decide, decides
from inference.evaluation.artist_weights import artist_weights
from inference.evaluation.bootstrap import interval_of_share
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
GRID_STAGES = 3
"""Of so many stages every combination of thresholds is looked at."""
MOST_VOTES = 6000
"""So many combinations of thresholds are looked at for more stages."""
A_LITTLE = 6
"""Candidates above or below a threshold."""
MOST_SONGS = 20_000
"""Thresholds are compared on at most so many songs; more would cost minutes and change nothing."""


Thresholds = tuple[float, ...]


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
    """Accuracy and cost of the combinations of thresholds that matter; one point where there is a single stage.

    Of two and three stages every one is looked at. Of more these would be 30,000 and then millions, so that the front
    is followed from point to point.
    """
    measured = MeasuredVotes(stages)
    return measured.grid() if len(stages) <= GRID_STAGES else measured.front()


class MeasuredVotes:
    """The vote of stages by many combinations of thresholds, each of which is looked at once.

    What is lost where not every stage is asked of every song is counted by the last stage's calibrated probabilities of
    its own best genre and of the one that the vote names: they vary less than what labels say of single songs, and a
    wrong label does not make both wrong.
    """

    def __init__(self, stages: Sequence[Predictions]) -> None:
        first, last = stages[0], stages[-1]
        self._stages, self._later = stages, len(stages) - 1
        self._songs = np.arange(len(first.rows))
        self._right = np.concatenate([stage.right for stage in stages])
        weights, _ = artist_weights(
            first.confidence, first.right.astype(np.float64), first.labels, first.groups
        )
        best = last.probabilities.max(axis=1)
        predicted = [stage.probabilities.argmax(axis=1) for stage in stages]
        lost = [best - last.probabilities[self._songs, genres] for genres in predicted]
        self._lost = np.concatenate([weights * each for each in lost])
        _, self._artist_of = np.unique(last.groups, return_inverse=True)
        self._weights = np.bincount(self._artist_of, weights=weights)
        self._decided: dict[tuple[int, float], Bools] = {}
        self.points: dict[Thresholds, ThresholdPoint] = {}

    def point(self, thresholds: Thresholds) -> ThresholdPoint:
        """The vote by these thresholds, of all stages but the last."""
        if thresholds not in self.points:
            self.points[thresholds] = self._measured(thresholds)
        return self.points[thresholds]

    def _measured(self, thresholds: Thresholds) -> ThresholdPoint:
        deciding = self._deciding(thresholds)
        rows = deciding * len(self._songs) + self._songs
        return ThresholdPoint(
            thresholds=(*(min(each, 1.0) for each in thresholds), 0.0),
            accuracy=float(self._right[rows].mean()),
            escalation_rate=float(np.count_nonzero(deciding) / len(deciding)),
            later_stages_per_song=float(deciding.mean()),
            loss_high=self._loss_high(self._lost[rows]),
        )

    def _deciding(self, thresholds: Thresholds) -> NDArray[np.intp]:
        """[m] position of the deciding stage, as by `decide`; thousands of votes share what single stages decide."""
        deciding = np.full(len(self._songs), self._later)
        for stage in reversed(range(self._later)):
            deciding[self._decides(stage, thresholds[stage])] = stage
        return deciding

    def _decides(self, stage: int, threshold: float) -> Bools:
        key = (stage, threshold)
        if key not in self._decided:
            own = self._stages[stage]
            self._decided[key] = decides(own.confidence, threshold, own.is_ood)
        return self._decided[key]

    def _loss_high(self, lost: Floats) -> float:
        """Upper end of what fresh songs lose, with artists as the units, where these lose so much [m], weighted."""
        of_artists, total = np.bincount(self._artist_of, weights=lost), self._weights.sum()
        mean = of_artists.sum() / total
        return float(mean + BOUND_Z * np.sqrt(((of_artists - mean * self._weights) ** 2).sum()) / total)

    def grid(self) -> tuple[ThresholdPoint, ...]:
        """Every combination."""
        return tuple(self.point(each) for each in product(CANDIDATE_THRESHOLDS, repeat=self._later))

    def front(self) -> tuple[ThresholdPoint, ...]:
        """Those near the Pareto front: a local search.

        1. Begin with one threshold for all stages, each of the candidates in turn.
        2. Look at all that differ in one threshold, or a little in two, from the point that would be proposed, until
           no other one would be.
        3. Of the front, the cheapest first, look at all that differ in one threshold, until `MOST_VOTES` were looked
           at or nothing new is left.
        """
        for each in CANDIDATE_THRESHOLDS:
            self.point((each,) * self._later)
        self._follow(
            lambda: [proposed_point(self._curve)], lambda near: [*self._ones(near), *self._pairs(near)]
        )
        self._follow(lambda: pareto_front(self._curve), self._ones)
        return self._curve

    @property
    def _curve(self) -> tuple[ThresholdPoint, ...]:
        return tuple(self.points.values())

    def _follow(
        self,
        best: Callable[[], Iterable[ThresholdPoint]],
        neighbours: Callable[[Thresholds], Iterable[Thresholds]],
    ) -> None:
        done: set[Thresholds] = set()
        while len(self.points) < MOST_VOTES:
            names = {point: thresholds for thresholds, point in self.points.items()}
            left = (names[point] for point in best() if names[point] not in done)
            near = next(left, None)
            if near is None:
                return
            done.add(near)
            for thresholds in neighbours(near):
                self.point(thresholds)

    def _ones(self, near: Thresholds) -> Iterator[Thresholds]:
        for stage, each in product(range(self._later), CANDIDATE_THRESHOLDS):
            yield (*near[:stage], each, *near[stage + 1 :])

    def _pairs(self, near: Thresholds) -> Iterator[Thresholds]:
        steps = range(-A_LITTLE, A_LITTLE + 1)
        for (one, other), (up, across) in product(combinations(range(self._later), 2), product(steps, steps)):
            moved = list(near)
            moved[one], moved[other] = _beside(near[one], up), _beside(near[other], across)
            yield tuple(moved)


def _beside(threshold: float, steps: int) -> float:
    """The candidate so many steps above a threshold, or the first or last one."""
    place = CANDIDATE_THRESHOLDS.index(threshold) + steps
    return CANDIDATE_THRESHOLDS[min(max(place, 0), len(CANDIDATE_THRESHOLDS) - 1)]


def propose_thresholds(curve: Sequence[ThresholdPoint]) -> tuple[float, ...]:
    """The cheapest thresholds that lose at most one point of accuracy against asking every stage of every song."""
    return proposed_point(curve).thresholds


def proposed_point(curve: Sequence[ThresholdPoint]) -> ThresholdPoint:
    """The cheapest point that loses at most one point of accuracy."""
    return min((point for point in curve if point.loss_high <= ACCURACY_TOLERANCE), key=cost)


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
