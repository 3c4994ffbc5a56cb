"""Which labels look wrong, on cases counted by hand."""

import numpy as np
from inference.training.dataset import LabelSource
from inference.training.label_noise import find_label_errors, song_weights

# Nine songs whose labels are believed, so that a typical self-confidence is 0.9 for genre 0 and 0.5 for genre 1.
BELIEVED = [[0.90, 0.05, 0.05]] * 6 + [[0.2, 0.5, 0.3]] * 3
LABELS = [0] * 6 + [1] * 3


def multi_hot(*labels: int) -> np.ndarray:
    return np.array(labels)[:, np.newaxis] == np.arange(3)


def is_suspect(probabilities: list[float], label: int) -> bool:
    rows = np.array([*BELIEVED, probabilities])
    return bool(find_label_errors(rows, multi_hot(*LABELS, label))[-1])


def test_a_label_that_the_model_believes_is_never_suspect() -> None:
    assert not find_label_errors(np.array(BELIEVED), multi_hot(*LABELS)).any()


def test_a_label_that_the_model_gives_no_chance_is_suspect() -> None:
    assert is_suspect([0.97, 0.02, 0.01], label=1)


def test_a_label_that_is_merely_second_is_not_suspect() -> None:
    assert not is_suspect([0.60, 0.38, 0.02], label=1)


def test_a_contradiction_weighs_more_where_the_model_is_usually_sure() -> None:
    """The same odds of 4 to 1, once against a genre that it always knows, once against one that it never does."""
    assert is_suspect([0.16, 0.64, 0.20], label=0)
    assert not is_suspect([0.64, 0.16, 0.20], label=1)


def test_a_label_of_two_genres_is_not_suspect_when_the_model_names_one_of_them() -> None:
    rows = np.array([*BELIEVED, [0.97, 0.02, 0.01]])
    both = multi_hot(*LABELS, 1)
    both[-1, 0] = True
    assert not find_label_errors(rows, both).any()


def test_a_suspect_label_counts_by_whose_word_it_is_and_a_person_is_never_contradicted() -> None:
    sources = np.array(
        [LabelSource.TAG, LabelSource.PUBLIC_TABLE, LabelSource.TAUGHT, LabelSource.OVERRIDE] * 2
    )
    suspected = np.array([True] * 4 + [False] * 4)
    weights = song_weights(suspected, np.zeros(8, dtype=np.intp), sources)
    assert weights.tolist() == [0.0, 0.25, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_a_genre_most_of_whose_songs_look_wrong_is_one_that_the_model_cannot_tell_apart() -> None:
    suspected = np.array([True, True, False, True, False, False])
    labels = np.array([0, 0, 0, 1, 1, 1])
    weights = song_weights(suspected, labels, np.full(6, LabelSource.TAG))
    assert weights.tolist() == [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]
