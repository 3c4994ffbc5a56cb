"""What embeddings have in common: the mean over windows, and a folder each."""

import numpy as np
import pytest
from features.embeddings.embedding import mean_over_windows
from features.embeddings.installed import EMBEDDINGS


def test_the_vector_is_the_mean_over_windows_and_layers() -> None:
    answers = np.zeros((2, 2, 3), dtype=np.float32)
    answers[0, 0], answers[0, 1] = [1, 2, 3], [3, 4, 5]
    answers[1, 0], answers[1, 1] = [5, 6, 7], [7, 8, 9]
    found = mean_over_windows(answers)
    assert found.tolist() == [4, 5, 6]
    assert found.dtype == np.float32


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_not_finite_is_no_vector(value: float) -> None:
    answers = np.zeros((2, 1, 3), dtype=np.float32)
    answers[1, 0, 2] = value
    with pytest.raises(ValueError, match="not finite"):
        mean_over_windows(answers)


def test_a_vector_may_come_of_windows_alone() -> None:
    assert mean_over_windows(np.array([[1, 2], [3, 4]], dtype=np.float32)).tolist() == [2, 3]


def test_each_has_a_kind_a_name_and_a_folder_of_its_own() -> None:
    cards = [each.card for each in EMBEDDINGS]
    assert len({card.kind for card in cards}) == len({card.name for card in cards}) == len(EMBEDDINGS)
    assert all(
        each.__module__.startswith(f"features.embeddings.{each.card.name.lower()}") for each in EMBEDDINGS
    )
