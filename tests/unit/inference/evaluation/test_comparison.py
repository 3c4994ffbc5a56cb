"""A new model beside the one in service: better only where that is no chance, and by hand where too little is left."""

from dataclasses import replace

import numpy as np
import pytest
from inference.evaluation.comparison import StagePredictions, compared, voted

ARTISTS = np.repeat(np.arange(40), 5)


def right(share: float, seed: int) -> np.ndarray:
    """Songs that a model of such accuracy gets right."""
    return np.random.default_rng(seed).random(len(ARTISTS)) < share


def test_a_model_that_is_right_far_more_often_is_better() -> None:
    found = compared(right(0.9, 1), right(0.5, 2), ARTISTS, "model-1")
    assert found.better
    assert 0 < found.difference_low < found.accuracy - found.other_accuracy < found.difference_high
    assert "of model-1, on the same 200 songs of 40 artists that neither learned from" in found.verdict
    assert found.verdict.endswith("points: better.")


def test_a_model_that_is_right_far_less_often_is_worse() -> None:
    found = compared(right(0.5, 1), right(0.9, 2), ARTISTS, "model-1")
    assert not found.better
    assert found.verdict.endswith("points: worse.")


def test_equal_models_are_not_taken_for_better() -> None:
    """Of a hundred pairs of equal models a 95 % interval lies above 0 in 2.5; more than 7 have a chance of 1 in 250."""
    taken = sum(compared(right(0.7, 2 * n), right(0.7, 2 * n + 1), ARTISTS, "x").better for n in range(100))
    assert taken <= 7


def test_the_same_answers_are_no_reason_to_switch() -> None:
    found = compared(right(0.7, 1), right(0.7, 1), ARTISTS, "model-1")
    assert (found.better, found.difference_low, found.difference_high) == (False, 0, 0)
    assert "not better by more than chance" in found.verdict


def test_an_artist_whose_songs_stand_or_fall_together_is_one_piece_of_evidence() -> None:
    """Six of seven artists better would be far beyond chance if each of their 30 songs counted by itself."""
    artists = np.repeat(np.arange(7), 30)
    new, old = artists != 0, artists == 0
    each_song = compared(new, old, np.arange(len(artists)), "x")
    whole_artists = compared(new, old, artists, "x")
    assert whole_artists.difference_low < each_song.difference_low


@pytest.mark.parametrize(("songs", "artists"), [(0, 0), (19, 19), (100, 4)])
def test_too_few_songs_or_artists_are_left_to_a_person(songs: int, artists: int) -> None:
    groups = np.arange(songs) % max(artists, 1)
    found = compared(np.ones(songs, dtype=bool), np.zeros(songs, dtype=bool), groups, "model-1")
    assert not found.better
    assert found.verdict == (
        f"Only {songs} songs of {artists} artists are left that neither it nor model-1 learned from, and 20 of 5 are "
        "needed to compare them: decide by hand."
    )


def test_a_later_stage_is_asked_where_the_earlier_was_unsure_and_has_its_vectors() -> None:
    first = StagePredictions(
        songs=np.array([2, 5, 7]),
        genres=("Jazz", "Rap"),
        probabilities=np.array([[0.9, 0.1], [0.6, 0.4], [0.4, 0.6]]),
        is_ood=np.zeros(3, dtype=np.bool_),
        threshold=0.8,
    )
    second = StagePredictions(
        songs=np.array([2, 5]),
        genres=("Jazz", "Rap"),
        probabilities=np.array([[0.0, 1.0], [0.2, 0.8]]),
        is_ood=np.zeros(2, dtype=np.bool_),
        threshold=0.0,
    )
    assert voted(np.array([2, 5, 7, 9]), [first, second]).tolist() == ["Jazz", "Rap", "Rap", ""]
    # Unlike the training of the first stage: it does not decide, however sure it is, as when it serves.
    is_ood = replace(first, is_ood=np.array([True, False, False]))
    assert voted(np.array([2, 5, 7, 9]), [is_ood, second]).tolist() == ["Rap", "Rap", "Rap", ""]
    # And by the thresholds in force, not by the stages' own.
    assert voted(np.array([2, 5]), [replace(first, threshold=0.6), second]).tolist() == ["Jazz", "Jazz"]
