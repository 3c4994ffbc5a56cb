"""The vote of several stages, on cases counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from inference.evaluation.predictions import Predictions
from inference.evaluation.thresholds import (
    ACCURACY_TOLERANCE,
    CANDIDATE_THRESHOLDS,
    MOST_VOTES,
    MeasuredVotes,
    cascade_figures,
    common,
    pareto_front,
    propose_thresholds,
    threshold_curve,
    vote,
)
from voting_worlds import stages_of_world

GENRES = ("Blues", "Jazz")


def predictions(confidences: list[float], right: list[int], rows: list[int] | None = None) -> Predictions:
    """Songs of Blues; a wrong prediction is Jazz with the confidence."""
    probabilities = np.array(
        [[c, 1 - c] if hit else [1 - c, c] for c, hit in zip(confidences, right, strict=True)]
    )
    labels = np.zeros(len(right), dtype=np.intp)
    return Predictions(
        rows=np.array(rows if rows is not None else range(len(right))),
        probabilities=probabilities,
        multi_hot=labels[:, np.newaxis] == np.arange(2),
        labels=labels,
        groups=np.arange(len(right)),
        is_ood=np.zeros(len(right), dtype=np.bool_),
    )


# The first stage is sure of two songs and wrong about the two that it doubts; the second knows one of these.
FIRST = predictions([0.9, 0.85, 0.6, 0.55], [1, 1, 0, 0])
SECOND = predictions([0.9, 0.9, 0.9, 0.6], [1, 0, 1, 0])


def test_a_later_stage_decides_only_where_the_earlier_was_unsure() -> None:
    result = vote([FIRST, SECOND], (0.8, 0.0))
    assert result.stages.tolist() == [0, 0, 1, 1]
    assert result.right.tolist() == [True, True, True, False]
    assert result.confidence.tolist() == [0.9, 0.85, 0.9, 0.6]


def test_the_last_stage_stands_though_it_decides_only_what_reaches_its_threshold() -> None:
    result = vote([FIRST], (0.8,))
    assert result.stages.tolist() == [0, 0, 0, 0]
    assert result.decided.tolist() == [True, True, False, False]


def test_a_song_unlike_the_training_goes_on_and_is_undecided_where_no_stage_knows_its_kind() -> None:
    is_ood = np.array([True, False, False, True])
    sure = replace(predictions([0.9] * 4, [1] * 4), is_ood=is_ood)
    alone = vote([sure], (0.8,))
    assert alone.decided.tolist() == [False, True, True, False]
    later = replace(predictions([0.9] * 4, [1] * 4), is_ood=np.array([False, False, False, True]))
    both = vote([sure, later], (0.8, 0.7))
    assert both.stages.tolist() == [1, 0, 0, 1]
    assert both.decided.tolist() == [True, True, True, False]
    figures = cascade_figures(
        test=[sure, later],
        out_of_fold=[sure, later],
        thresholds=(0.8, 0.7),
        genres=GENRES,
    )
    assert figures.decided == (0.5, 0.25)


def test_only_songs_that_every_stage_has_are_compared_in_one_order() -> None:
    later = predictions([0.7, 0.8, 0.9], [1, 1, 1], rows=[3, 9, 1])
    first, second = common([FIRST, later])
    assert first.rows.tolist() == second.rows.tolist() == [1, 3]
    assert first.confidence.tolist() == [0.85, 0.55]
    assert second.confidence.tolist() == [0.9, 0.7]


def test_where_both_stages_say_the_same_no_later_one_is_asked() -> None:
    curve = threshold_curve([FIRST, predictions([0.95, 0.95, 0.9, 0.9], [1, 1, 0, 0])])
    everything = curve[-1]
    assert (everything.accuracy, everything.escalation_rate) == (0.5, 1.0)
    assert (everything.loss_high, curve[0].loss_high) == (0.0, 0.0)
    # The highest of those that cost nothing.
    assert propose_thresholds(curve) == (0.55, 0.0)


def test_what_the_last_stage_contradicts_is_a_loss_though_labels_of_a_few_songs_say_nothing_of_it() -> None:
    # Both are right about two of four songs, but not the same: the last one doubts a verdict of the first.
    curve = threshold_curve([FIRST, SECOND])
    assert curve[0].accuracy == curve[-1].accuracy
    assert curve[0].loss_high > 0.4
    assert propose_thresholds(curve)[0] > 0.85


def test_where_only_the_later_stage_is_right_it_is_asked_for_the_songs_that_need_it() -> None:
    knows_all = predictions([0.9] * 4, [1] * 4)
    curve = threshold_curve([FIRST, knows_all])
    chosen = next(point for point in curve if point.thresholds == propose_thresholds(curve))
    assert chosen.accuracy == 1.0
    assert chosen.escalation_rate == 0.5
    assert 0.6 < chosen.thresholds[0] <= 0.85


def test_the_curve_keeps_no_point_that_a_cheaper_one_beats_and_has_the_proposed_one() -> None:
    curve = pareto_front(every := threshold_curve([FIRST, predictions([0.9] * 4, [1] * 4)]))
    losses = [point.loss_high for point in curve]
    assert losses == sorted(set(losses), reverse=True)
    assert propose_thresholds(every) in [point.thresholds for point in curve]
    assert [point.later_stages_per_song for point in curve] == sorted(
        point.later_stages_per_song for point in curve
    )


def test_three_stages_are_counted_by_what_they_run() -> None:
    third = predictions([0.9] * 4, [1] * 4)
    point = threshold_curve([FIRST, SECOND, third])[-1]
    assert (point.thresholds, point.escalation_rate, point.later_stages_per_song) == (
        (1.0, 1.0, 0.0),
        1.0,
        2.0,
    )


def test_figures_are_of_the_test_part_and_proposals_out_of_fold() -> None:
    figures = cascade_figures(
        test=[FIRST, SECOND],
        out_of_fold=[predictions([0.9] * 4, [0] * 4), predictions([0.9] * 4, [1] * 4)],
        thresholds=(0.8, 0.7),
        genres=GENRES,
    )
    assert (figures.songs, figures.accuracy, figures.decided) == (4, 0.75, (0.5, 0.25))
    assert figures.accuracy_low < 0.75 < figures.accuracy_high
    assert figures.proposed_thresholds[0] > 0.9
    assert (figures.coverage[0].coverage, figures.coverage[0].accuracy) == (1.0, 0.0)
    assert figures.promise is None


def test_a_single_stage_decides_what_it_is_sure_of_and_leaves_the_rest_undecided() -> None:
    figures = cascade_figures(test=[FIRST], out_of_fold=[FIRST], thresholds=(0.8,), genres=GENRES)
    assert figures.decided == (0.5,)
    assert figures.proposed_thresholds == (0.0,)


@pytest.mark.parametrize("stages", [2, 3])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_front_that_is_followed_is_that_of_every_combination(stages: int, seed: int) -> None:
    """Of more than three stages nobody can look at every one: where one can, both come to the same."""
    world = stages_of_world(seed, stages=stages, songs=600)
    every, followed = MeasuredVotes(world).grid(), MeasuredVotes(world).front()
    assert propose_thresholds(followed) == propose_thresholds(every)
    assert pareto_front(followed) == pareto_front(every)


def test_many_combinations_are_voted_on_by_the_one_rule() -> None:
    world = stages_of_world(4, stages=4, songs=400)
    measured, random = MeasuredVotes(world), np.random.default_rng(0)
    for _ in range(50):
        thresholds = tuple(random.choice(CANDIDATE_THRESHOLDS, size=3).tolist())
        point, expected = measured.point(thresholds), vote(world, (*thresholds, 0.0))
        assert point.accuracy == pytest.approx(expected.right.mean())
        assert point.later_stages_per_song == pytest.approx(expected.stages.mean())
        assert point.escalation_rate == pytest.approx(np.mean(expected.stages > 0))


def test_five_stages_get_a_proposal_without_every_combination() -> None:
    """Which would be a million. What is proposed keeps its promise, and costs less than asking every stage."""
    world = stages_of_world(5, stages=5, songs=500)
    curve = threshold_curve(world)
    assert len(curve) <= MOST_VOTES + 4 * len(CANDIDATE_THRESHOLDS)
    proposed = next(point for point in curve if point.thresholds == propose_thresholds(curve))
    assert proposed.loss_high <= ACCURACY_TOLERANCE
    assert proposed.later_stages_per_song < 4


def test_of_four_stages_what_is_proposed_is_the_best_of_all_32768_combinations() -> None:
    world = stages_of_world(0, stages=4, songs=1200)
    followed, every = threshold_curve(world), MeasuredVotes(world).grid()
    assert len(followed) < len(every) / 4
    assert propose_thresholds(followed) == propose_thresholds(every)
