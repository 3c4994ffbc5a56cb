"""How many writes are expected to be right."""

import numpy as np
import pytest

from benchmarks.inference.truth.expected_writes import expected


def test_the_expected_number_has_what_is_unknown_and_chance_in_its_interval() -> None:
    sure = np.full(100, 0.9)
    found = expected(sure - 0.1, sure, sure + 0.05)
    assert found.mean == pytest.approx(90)
    assert found.low < 80
    assert 95 < found.high <= 100
