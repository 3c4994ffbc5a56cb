"""The 518 values against a plain librosa port of FMA's code: sixty excerpts of ten kinds, songs at every rate."""

import numpy as np
import pytest
from features.fma.vector import excerpt_curves, native_curves
from fma_agreement import Compared, assert_close, compare
from fma_excerpts import KINDS, SECONDS, made_excerpt, made_excerpts

# Every rate a library is likely to have, and with them every way to begin the constant-Q transform: filters that
# take more of the song or less, and no, one, two or three halvings before the top octave.
NATIVE_RATES_HZ = (11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000)


@pytest.fixture(scope="module")
def compared() -> list[Compared]:
    return [compare(each.y, excerpt_curves(each.y)) for each in made_excerpts()]


@pytest.mark.thorough
def test_every_value_of_sixty_excerpts_is_the_references(compared, capsys):
    assert len(compared) == len(KINDS) * len(SECONDS) == 60
    assert_close(compared, capsys)


@pytest.mark.thorough
def test_both_tunings_are_the_references_in_every_excerpt(compared):
    assert [each.tunings for each in compared] == [each.reference_tunings for each in compared]
    assert len({each.tunings for each in compared}) > 20


@pytest.mark.thorough
def test_the_same_values_are_not_numbers_as_in_the_reference(compared):
    for each in compared:
        np.testing.assert_array_equal(np.isnan(each.ours), np.isnan(each.reference))


@pytest.mark.thorough
def test_every_value_of_songs_at_their_own_rate_is_the_references(capsys):
    compared = [
        compare(y, native_curves(y, rate), rate, old_rmse=True)
        for number, rate in enumerate(NATIVE_RATES_HZ)
        for y in (made_excerpt(kind, number, 5.0, rate) for kind in ("detuned", "percussive"))
    ]
    assert [each.tunings for each in compared] == [each.reference_tunings for each in compared]
    assert_close(compared, capsys)


@pytest.mark.thorough
def test_a_song_too_long_to_keep_its_spectrum_has_the_references_values(capsys):
    y = made_excerpt("clipped", 1, 40.0, 44_100)
    assert_close([compare(y, native_curves(y, 44_100), 44_100, old_rmse=True)], capsys)
