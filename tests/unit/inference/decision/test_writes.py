"""Kinds of write."""

import numpy as np
from inference.decision.writes import WriteKind, decided

FINAL = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
TAGS = np.array([[True, False], [False, True], [False, False]])


def test_a_song_without_a_tag_is_filled_and_one_with_another_corrected() -> None:
    found = decided(FINAL, TAGS)
    assert found.kinds.tolist() == [WriteKind.NONE, WriteKind.CORRECTION, WriteKind.FILL]
    assert found.genres.tolist() == [0, 0, 1]
    np.testing.assert_allclose(found.tag_probabilities, [0.9, 0.2, 0.0])
