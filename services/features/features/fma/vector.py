"""The 518 values that describe a song in the FMA data set: 74 curves over time, seven moments of each.

The definition is `features.py` of the data set (Defferrard et al. 2017, "FMA: A dataset for music analysis";
https://github.com/mdeff/fma), written for librosa 0.5 and carried
over to librosa 0.11. What had to be decided on the way:

* `chroma_cqt` and `chroma_cens` are told that the transform has 12 bins an octave. librosa's default is 36 by
  now, which silently gives other chroma.
* The constant-Q transform is tuned from magnitudes and `chroma_stft` from powers, as librosa does by itself;
  the two estimates differ.
* Moments of constant curves: skewness and kurtosis are 0/0. They are 0 here, the value of a normal
  distribution, so that every vector is finite for the database and the models.

There are two feature versions of it, which no model may mix:

`fma_features`, on an excerpt at 22,050 Hz. Its `rmse` holds librosa's present `rms`.

`fma_native_features`, on a whole song at its own rate, as the data set's published `features.csv` was made. Its
`rmse` is that of librosa 0.5, the root of the mean power over the bins of a frame. And since `features.py` tells the
rate to the constant-Q transform and the mel filters alone, the centroid, bandwidth, rolloff and contrast of a song
at 44,100 Hz stand on a scale of half its frequencies, here as there. What still differs from the table, because
librosa 0.5 and the decoders of 2017 are not there any more:

* the ends of the signal, which librosa 0.5 mirrored before its spectrum and we take for silence: the first and the
  last two frames, so mainly minima and maxima;
* the constant-Q transform: resampy halved the rates where soxr does now, and its filters were 3 % shorter
  (quality 16.8 where librosa derives 17.3 by now);
* the samples themselves, by the rounding of another decoder and the silence that it leaves in front of a song.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from features.audio.excerpts import Excerpt
from features.fma.buffers import FloatArray
from features.fma.cqt import lowest_rate_hz
from features.fma.frame_features import CURVES, N_CURVES, PRECISIONS, ROWS, CurveComputer, Curves
from features.fma.moments import STATISTICS, moments
from features.fma.spectrum import KEPT_FRAMES
from features.fma.transform import HOP_LENGTH

KIND = 1
"""Of the excerpt, in the contract's `VectorKind`."""
NATIVE_KIND = 4
"""Of the whole song at its own rate."""
NAMES = {KIND: "FMA", NATIVE_KIND: "FMA of whole songs"}
"""As people call them."""
SAMPLE_RATE_HZ = 22_050
DEFINITION = "fma-518/1"
# The second takes one channel of a song whose channels cancel each other out. Of all others the values are the first's,
# as in the published table.
NATIVE_VERSION = "fma-native-518/2"
# Powers and their sums stay far inside what single precision can hold.
LOUDEST = 1e9

COLUMNS: tuple[tuple[str, str, str], ...] = tuple(
    sorted(
        (feature, statistic, f"{number:02d}")
        for feature, size in CURVES.items()
        for statistic in STATISTICS
        for number in range(1, size + 1)
    )
)
"""Name of each value: feature, statistic, number from "01"; in the data set's own (sorted) order."""

_PLACES = np.array(
    [
        STATISTICS.index(statistic) * N_CURVES + ROWS[feature].start + int(number) - 1
        for feature, statistic, number in COLUMNS
    ]
)
_RESOLUTIONS = np.array([precision.eps for precision in PRECISIONS], dtype=np.float64)
_SMALLEST = np.array([precision.smallest_subnormal for precision in PRECISIONS], dtype=np.float64)


def version(excerpt: Excerpt) -> str:
    """The feature version of `fma_features`: everything that changes the values."""
    return f"{DEFINITION};excerpt={excerpt.version}"


def fma_features(y: FloatArray) -> npt.NDArray[np.float32]:
    """The 518 values of an excerpt, in the order of `COLUMNS`.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        mono, float32 in [-1, 1] at 22,050 Hz; at least one second

    Returns
    -------
    np.ndarray [shape=(518,)], float32, finite

    Raises
    ------
    ValueError
        if `y` is not one channel, is shorter than a second, or holds NaN, infinity or values beyond all sound
    """
    return _filled(unfilled_features(excerpt_curves(y)))


def fma_native_features(y: FloatArray, sample_rate_hz: int) -> npt.NDArray[np.float32]:
    """The 518 values of a whole song at its own rate, in the order of `COLUMNS`; version `NATIVE_VERSION`.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        mono, float32 in [-1, 1]; at least one second
    sample_rate_hz : int
        of `y`, in Hz

    Returns
    -------
    np.ndarray [shape=(518,)], float32, finite

    Raises
    ------
    ValueError
        as `fma_features` does, and for a rate below 8.5 kHz, where the definition has no values: its constant-Q
        transform reaches up to 4.2 kHz
    """
    return _filled(unfilled_features(native_curves(y, sample_rate_hz)))


def warm_up_fma() -> None:
    """Compile every loop, or load what was compiled before, and compute the tables of both versions."""
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, HOP_LENGTH * (KEPT_FRAMES + 1)).astype(np.float32)
    fma_features(noise[: 2 * SAMPLE_RATE_HZ])
    fma_native_features(noise, 2 * SAMPLE_RATE_HZ)


def has_native_values(sample_rate_hz: int) -> bool:
    """Whether songs of this sample rate in Hz have the values of `fma_native_features`."""
    return sample_rate_hz >= lowest_rate_hz()


def excerpt_curves(y: FloatArray) -> Curves:
    """The curves of an excerpt, valid until the next one's; for one thread of a process. `y` and errors are those of
    `fma_features`."""
    _check(y, SAMPLE_RATE_HZ)
    return _computer(SAMPLE_RATE_HZ, old_rmse=False).compute(_samples(y))


def native_curves(y: FloatArray, sample_rate_hz: int) -> Curves:
    """The curves of a song at its own rate, valid until the next one's; for one thread of a process. `y` and errors are
    those of `fma_native_features`."""
    if not has_native_values(sample_rate_hz):
        raise ValueError(
            f"the song has a sampling rate of {sample_rate_hz} Hz; at least {lowest_rate_hz():.0f} Hz are needed"
        )
    _check(y, sample_rate_hz)
    return _computer(sample_rate_hz, old_rmse=True).compute(_samples(y))


def unfilled_features(curves: Curves) -> FloatArray:
    """The values [shape=(518,)], float64, with NaN for the skewness and kurtosis of constant curves."""
    return np.asarray(moments(curves.values, _RESOLUTIONS, _SMALLEST).reshape(-1)[_PLACES])


# Songs have a few rates; the tables of one take some 10 MB with the arrays for excerpts.
@lru_cache(maxsize=4)
def _computer(sample_rate_hz: int, *, old_rmse: bool) -> CurveComputer:
    return CurveComputer(sample_rate_hz, old_rmse=old_rmse)


def _samples(y: FloatArray) -> FloatArray:
    return np.ascontiguousarray(y, dtype=np.float32)


def _filled(values: FloatArray) -> npt.NDArray[np.float32]:
    return np.nan_to_num(values, nan=0.0).astype(np.float32)


def _check(y: FloatArray, sample_rate_hz: int) -> None:
    if y.ndim != 1:
        raise ValueError(f"the excerpt has {y.ndim} dimensions; one channel is needed")
    if y.size < sample_rate_hz:
        raise ValueError(
            f"the excerpt has {y.size} samples; at least one second ({sample_rate_hz}) is needed"
        )
    peak = max(float(y.max()), -float(y.min()))  # both are NaN where a sample is
    if not np.isfinite(peak):
        raise ValueError("the excerpt holds NaN or infinite samples")
    if peak > LOUDEST:
        raise ValueError(f"the excerpt holds samples up to {peak:g}, which is no sound; full scale is 1")
