"""The promise: what it asks for, what a giant artist may tell of it, and what is not known of tags."""

import numpy as np
import pytest
from inference.evaluation.artist_weights import artist_weights
from inference.evaluation.coverage import Coverage, ScoredSongs, coverage_of


def coverage(
    confidence: list[float],
    right: list[float],
    *,
    groups: list[int] | None = None,
    unknown: float | None = None,
) -> Coverage:
    """Songs of one genre, each of an artist of its own where none are given."""
    songs = len(right)
    return coverage_of(
        ScoredSongs(
            confidence=np.array(confidence),
            right=np.array(right, dtype=np.float64),
            labels=np.zeros(songs, dtype=np.intp),
            groups=np.arange(songs) if groups is None else np.array(groups),
            unknown=None if unknown is None else np.full(songs, unknown),
        )
    )


def test_the_promise_of_a_hand_counted_case() -> None:
    """Of 200 songs the surer 150 have four wrong, the other fifty are all wrong."""
    found = coverage([0.9] * 150 + [0.5] * 50, [1] * 146 + [0] * 4 + [0] * 50)
    assert found.promise is not None
    assert found.promise in found.points
    assert (found.promise.threshold, found.promise.coverage) == (0.9, 0.75)
    assert found.promise.accuracy == pytest.approx(146 / 150)
    # Wilson's interval of 146 of 150.
    assert found.promise.accuracy_low == pytest.approx(0.9335, abs=0.001)


def test_songs_of_one_confidence_are_decided_together() -> None:
    # The first 149 of them would do; all 200 do not.
    assert coverage([0.9] * 200, [1] * 149 + [0] * 51).promise is None


def test_of_few_songs_95_percent_is_no_promise_though_so_many_are_right() -> None:
    """29 of 30 are 97 %, and may as well be 90."""
    found = coverage([0.9] * 30 + [0.5] * 10, [1] * 29 + [0] + [0] * 10)
    assert found.points[0].accuracy < 0.95 < max(point.accuracy for point in found.points)
    assert found.promise is None


def test_a_handful_of_lucky_songs_is_no_answer() -> None:
    assert coverage([0.99] * 15 + [0.5] * 40, [1] * 15 + [1, 0] * 20).promise is None


def test_what_is_not_known_of_tags_widens_the_interval_until_nothing_can_be_promised() -> None:
    known, unknown = (coverage([0.9] * 400, [0.96] * 400, unknown=spread) for spread in (0.0, 0.05))
    assert known.promise is not None
    assert unknown.promise is None
    assert unknown.points[0].accuracy_low < known.points[0].accuracy_low - 0.05


def test_four_hundred_songs_of_one_artist_do_not_speak_for_a_genre() -> None:
    """The giant's songs are all right, of five songs of each of 40 others one is wrong."""
    groups = [0] * 400 + [1 + song // 5 for song in range(200)]
    # The others are right or wrong as whole artists.
    right = [1] * 400 + [0 if 1 + song // 5 > 32 else 1 for song in range(200)]
    found = coverage([0.9] * 600, right, groups=groups)
    assert np.mean(right) > 0.93
    assert found.points[0].accuracy == pytest.approx(0.8, abs=0.03)
    assert found.promise is None


def test_genres_keep_their_shares_whatever_their_artists_count() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], [300, 100])
    groups = np.concatenate([np.zeros(280, dtype=np.intp), 1 + np.arange(120)])
    weights, effect = artist_weights(random.random(400), random.random(400), labels, groups)
    assert np.bincount(labels, weights=weights) == pytest.approx([300, 100])
    assert weights[0] < weights[299]
    assert effect >= 1
