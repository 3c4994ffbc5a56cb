"""Seven statistics of each curve over time."""

import numba
import numpy as np

from features.fma.buffers import FloatArray

STATISTICS = ("mean", "std", "skew", "kurtosis", "median", "min", "max")
"""In the order of the rows of `moments`."""
# Sums may be taken in any order, and so by several at a time.
ANY_ORDER = {"reassoc", "contract", "nsz", "arcp"}


def moments(curves: FloatArray, resolutions: FloatArray, smallest: FloatArray) -> FloatArray:
    """The statistics of each curve over time, in the order of `STATISTICS`.

    Skewness and kurtosis are those of `scipy.stats.skew` and `scipy.stats.kurtosis`: biased, kurtosis in excess of a
    normal distribution's, and NaN where a curve is constant as far as its precision can tell.

    Parameters
    ----------
    curves : np.ndarray [shape=(curves, frames)]
        float64, finite, at least one frame; its values are sorted in part
    resolutions : np.ndarray [shape=(curves,)]
        relative precision in which each was computed
    smallest : np.ndarray [shape=(curves,)]
        the least number above zero that this precision can express

    Returns
    -------
    np.ndarray [shape=(7, curves)], float64
    """
    out = np.empty((len(STATISTICS), len(curves)))
    mean, std, skew, kurtosis, median, least, largest = out
    write_moments(curves, resolutions, smallest, mean, std, skew, kurtosis, least, largest)
    middle = curves.shape[1] // 2
    if curves.shape[1] % 2:
        curves.partition(middle, axis=1)
        median[:] = curves[:, middle]
    else:
        curves.partition((middle - 1, middle), axis=1)
        median[:] = (curves[:, middle - 1] + curves[:, middle]) * 0.5
    return out


@numba.njit(cache=True, nogil=True, fastmath=ANY_ORDER)
def write_moments(curves, resolutions, smallest, mean, std, skew, kurtosis, least, largest):  # type: ignore[no-untyped-def] # numba
    """All but the median, in two looks at a curve, which lies in the first-level cache at the second."""
    for i in range(curves.shape[0]):
        x, frames = curves[i], curves.shape[1]
        total, low, high = 0.0, x[0], x[0]
        for t in range(frames):
            total += x[t]
            low, high = min(low, x[t]), max(high, x[t])
        centre = total / frames
        m2, m3, m4 = 0.0, 0.0, 0.0
        for t in range(frames):
            deviation = x[t] - centre
            square = deviation * deviation
            m2 += square
            m3 += square * deviation
            m4 += square * square
        m2, m3, m4 = m2 / frames, m3 / frames, m4 / frames
        mean[i], std[i], least[i], largest[i] = centre, np.sqrt(m2), low, high
        is_constant = m2 <= (resolutions[i] * centre) ** 2
        # What would be divided by zero in the curve's own precision, as in the noise of a song at a millionth of a bit.
        skew[i] = np.nan if is_constant or m2**1.5 < smallest[i] else m3 / m2**1.5
        kurtosis[i] = np.nan if is_constant or m2 * m2 < smallest[i] else m4 / (m2 * m2) - 3.0
