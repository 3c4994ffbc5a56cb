"""Which labels look wrong, on cases counted by hand."""

import numpy as np
from inference.suspects import suspect_labels

# Nine songs whose labels are believed, so that a typical self-confidence is 0.9 for genre 0 and 0.5 for genre 1.
BELIEVED = [[0.90, 0.05, 0.05]] * 6 + [[0.2, 0.5, 0.3]] * 3
LABELS = [0] * 6 + [1] * 3


def is_suspect(probabilities: list[float], label: int) -> bool:
    rows = np.array([*BELIEVED, probabilities])
    return bool(suspect_labels(rows, np.array([*LABELS, label]))[-1])


def test_a_label_that_the_model_believes_is_never_suspect() -> None:
    assert not suspect_labels(np.array(BELIEVED), np.array(LABELS)).any()


def test_a_label_that_the_model_gives_no_chance_is_suspect() -> None:
    assert is_suspect([0.97, 0.02, 0.01], label=1)


def test_a_label_that_is_merely_second_is_not_suspect() -> None:
    assert not is_suspect([0.60, 0.38, 0.02], label=1)


def test_a_doubt_weighs_more_where_the_model_is_usually_sure() -> None:
    """The same odds of 4 to 1, once against a genre that it always knows, once against one that it never does."""
    assert is_suspect([0.16, 0.64, 0.20], label=0)
    assert not is_suspect([0.64, 0.16, 0.20], label=1)
