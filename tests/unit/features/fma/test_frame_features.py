"""The 518 values against a plain librosa port of FMA's code, on an excerpt of each kind and songs at their own rate.

The integration tests do the same with sixty excerpts.
"""

import numpy as np
import pytest
from features.fma.vector import excerpt_curves, native_curves
from fma_agreement import Compared, assert_close, compare
from fma_excerpts import KINDS, made_excerpt


@pytest.fixture(scope="module")
def compared() -> list[Compared]:
    excerpts = [made_excerpt(kind, 4, 5.0) for kind in KINDS]
    return [compare(y, excerpt_curves(y)) for y in excerpts]


def test_every_value_of_an_excerpt_of_each_kind_is_the_references(compared, capsys):
    assert_close(compared, capsys)


def test_both_tunings_are_the_references(compared):
    assert [each.tunings for each in compared] == [each.reference_tunings for each in compared]


def test_the_same_values_are_not_numbers_as_in_the_reference(compared):
    constant = np.sin(2 * np.pi * 440 * np.arange(66_150) / 22_050).astype(np.float32)
    for each in (*compared, compare(constant, excerpt_curves(constant))):
        np.testing.assert_array_equal(np.isnan(each.ours), np.isnan(each.reference))
    assert np.isnan(each.ours).any()


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_every_value_of_a_song_at_its_own_rate_is_the_references(rate, capsys):
    y = made_excerpt("detuned", 4, 5.0, rate)
    compared = compare(y, native_curves(y, rate), rate, old_rmse=True)
    assert compared.tunings == compared.reference_tunings
    assert_close([compared], capsys)
