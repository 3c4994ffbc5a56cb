"""What a stage adds is counted on the songs that both stages have, and no surer than artists allow."""

import numpy as np
from inference.evaluation.added import added_by
from inference.evaluation.predictions import Predictions

SONGS, A_PIECE = 200, 4


def predictions(right: np.ndarray, rows: np.ndarray) -> Predictions:
    """Of two genres, the first of which is that of every song."""
    first = np.where(right, 0.9, 0.1)
    return Predictions(
        rows=rows,
        probabilities=np.stack([first, 1 - first], axis=1),
        multi_hot=np.tile([True, False], (len(rows), 1)),
        labels=np.zeros(len(rows), dtype=np.intp),
        groups=rows // A_PIECE,
        is_ood=np.zeros(len(rows), dtype=np.bool_),
    )


def test_it_is_the_paired_difference_on_common_songs() -> None:
    rows = np.arange(SONGS)
    before = predictions(rows % 2 == 0, rows)
    later = np.arange(SONGS // 2, SONGS)
    after = predictions((later % 2 == 0) | (later % 5 == 0), later)
    added = added_by(before, after)
    assert added is not None
    gained = ((later % 5 == 0) & (later % 2 == 1)).mean()
    assert (added.songs, added.accuracy) == (SONGS // 2, gained)
    assert 0 <= added.accuracy_low < gained < added.accuracy_high < 0.3


def test_artists_are_the_units_and_not_songs() -> None:
    """All songs of an artist change together: fifty artists tell as much as fifty songs do, and no more."""
    rows = np.arange(SONGS)
    changed = (rows // A_PIECE) % 10 == 0
    added = added_by(predictions(~changed, rows), predictions(changed | ~changed, rows))
    assert added is not None
    by_songs = 2 * 1.96 * np.sqrt(0.1 * 0.9 / SONGS)
    assert added.accuracy_high - added.accuracy_low > 1.5 * by_songs


def test_of_a_handful_of_songs_nothing_is_known() -> None:
    rows = np.arange(12)
    added = added_by(predictions(rows < 0, rows), predictions(rows >= 0, rows))
    assert added is not None
    assert (added.accuracy, added.accuracy_low, added.accuracy_high) == (1.0, -1.0, 1.0)
    assert added_by(predictions(rows < 0, rows), predictions(rows < 0, rows + 100)) is None
