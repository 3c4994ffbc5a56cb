"""Kinds of write, and how many of them are expected to be right."""

import numpy as np
import pytest
from inference.decision.writes import WriteKind, decided, expected

FINAL = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
TAGS = np.array([[True, False], [False, True], [False, False]])


def test_a_song_without_a_tag_is_filled_and_one_with_another_corrected() -> None:
    found = decided(FINAL, TAGS)
    assert found.kinds.tolist() == [WriteKind.NONE, WriteKind.CORRECTION, WriteKind.FILL]
    assert found.genres.tolist() == [0, 0, 1]
    np.testing.assert_allclose(found.tag_probabilities, [0.9, 0.2, 0.0])


def test_the_expected_number_has_what_is_unknown_and_chance_in_its_interval() -> None:
    sure = np.full(100, 0.9)
    found = expected(sure - 0.1, sure, sure + 0.05)
    assert found.mean == pytest.approx(90)
    assert found.low < 80
    assert 95 < found.high <= 100
