"""Intervals say what so few songs can say."""

import numpy as np
import pytest
from inference.evaluation.bootstrap import interval_of_mean, interval_of_share


@pytest.mark.parametrize(("artists", "low"), [(2, 0.342), (5, 0.566), (10, 0.722), (100, 0.963)])
def test_that_all_of_a_handful_are_right_is_no_certainty(artists: int, low: float) -> None:
    groups = np.repeat(np.arange(artists), 3)
    right = np.ones(len(groups), dtype=bool)
    # By the Wilson score interval of as many answers as there are artists.
    assert interval_of_share(right, groups) == (pytest.approx(low, abs=0.001), 1.0)
    assert interval_of_share(~right, groups) == (0.0, pytest.approx(1 - low, abs=0.001))


def test_where_some_are_wrong_artists_are_drawn_again_and_again() -> None:
    rng = np.random.default_rng(0)
    groups, right = np.repeat(np.arange(30), 4), rng.random(120) < 0.8
    assert interval_of_share(right, groups) == interval_of_mean(right, groups)
