"""The seven statistics of curves against scipy's."""

import numpy as np
import pytest
from features.fma.moments import STATISTICS, moments
from scipy import stats

# Odd; one less is even, which has two middle values.
FRAMES = 501


def curves() -> np.ndarray:
    random = np.random.default_rng(8)
    noise = random.standard_normal(FRAMES)
    return np.stack(
        [
            noise,
            1e3 + noise,
            np.exp(noise),
            np.zeros(FRAMES),
            np.full(FRAMES, 5.0),
            # Constant as far as single precision can tell, and not quite.
            1 + 1e-9 * noise,
            1 + 1e-5 * noise,
            # Fourth powers of this are nothing in single precision.
            1e-13 * noise,
        ]
    )


@pytest.mark.parametrize("frames", [FRAMES, FRAMES - 1])
@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_statistics_of_any_curve_are_those_of_scipy(frames: int, precision: type) -> None:
    made = curves()[:, :frames].astype(precision)
    limits = np.finfo(precision)
    count = len(made)
    ours = moments(
        made.astype(np.float64), np.full(count, limits.eps), np.full(count, float(limits.smallest_subnormal))
    )
    with pytest.warns(RuntimeWarning):  # of the constant ones
        expected = np.array(
            [
                made.mean(axis=1, dtype=np.float64),
                made.std(axis=1, dtype=np.float64),
                stats.skew(made, axis=1),
                stats.kurtosis(made, axis=1),
                np.median(made, axis=1),
                made.min(axis=1),
                made.max(axis=1),
            ]
        )
    assert len(expected) == len(STATISTICS)
    # Of a nearly constant curve the mean has few more digits than the deviations from it, above all in float32.
    tolerance = 2e-2 if precision is np.float32 else 1e-4
    np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance)
