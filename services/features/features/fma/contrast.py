"""Spectral contrast: how far peaks stand above valleys in each of seven octave bands.

The method is that of Jiang et al. 2002, "Music type classification by spectral contrast feature", as
`librosa.feature.spectral_contrast` has it.
"""

# ruff: noqa: N803 - S is the field's own name of a spectrogram

from dataclasses import dataclass

import librosa
import numba
import numpy as np

from features.fma.buffers import Buffers, FloatArray
from features.fma.transform import N_FFT

N_BANDS = 7
LOWEST_BAND_HZ = 200.0
QUANTILE = 0.02


@dataclass(frozen=True)
class Band:
    """An octave of bins; peak and valley are means over `extremes` of them at either end of their order."""

    first: int
    end: int
    extremes: int


def octave_bands(sample_rate_hz: float) -> list[Band]:
    """The bands as librosa cuts them: they overlap by a bin, and the last one reaches to the end.

    The first reaches up to 200 Hz, each of the others one octave further. `sample_rate_hz` is in Hz, of the signal
    behind the spectrum; above 12.8 kHz, so that every band has bins.
    """
    frequencies = librosa.fft_frequencies(sr=sample_rate_hz, n_fft=N_FFT)
    edges = np.concatenate([[0.0], LOWEST_BAND_HZ * 2.0 ** np.arange(N_BANDS)])
    bands = []
    for number in range(N_BANDS):
        (bins,) = np.nonzero((frequencies >= edges[number]) & (frequencies <= edges[number + 1]))
        is_last = number == N_BANDS - 1
        first = int(bins[0]) - (number > 0)
        end = len(frequencies) if is_last else int(bins[-1]) + 1
        extremes = int(max(np.rint(QUANTILE * (end - first)), 1))
        # What a quantile is of counts the band's last bin, of which the sorting then knows nothing.
        bands.append(Band(first, end if is_last else end - 1, extremes))
    return bands


def write_extremes(
    S: FloatArray, bands: list[Band], valleys: FloatArray, peaks: FloatArray, scratch: Buffers
) -> None:
    """The valleys and peaks of each band: means of the lowest and of the highest 2 % of its bins.

    Parameters
    ----------
    S : np.ndarray [shape=(frames, 1025)]
        magnitudes, float32, at least 0
    bands : list of Band
        as `octave_bands` gives them
    valleys, peaks : np.ndarray [shape=(7, frames)]
        float32; filled with magnitudes
    """
    for number, band in enumerate(bands):
        if band.extremes == 1:
            ends = (valleys[number].view(np.int32), peaks[number].view(np.int32))
            write_least_and_largest(S.view(np.int32), band.first, band.end, *ends)
            continue
        # numpy sorts by vector instructions; neither its partition nor a selection of our own is as fast here.
        values = scratch.take("band", (len(S), band.end - band.first))
        np.copyto(values, S[:, band.first : band.end])
        values.sort(axis=1)
        write_means_of_ends(values, band.extremes, valleys[number], peaks[number])


def contrast(valleys: FloatArray, peaks: FloatArray) -> FloatArray:
    """The contrast of each band in decibels.

    Parameters
    ----------
    valleys, peaks : np.ndarray [shape=(7, frames)]
        magnitudes of all frames of a song, for both are cut off 80 dB below the song's highest

    Returns
    -------
    np.ndarray [shape=(7, frames)], in dB
    """
    return _decibels(peaks) - _decibels(valleys)


def _decibels(values: FloatArray) -> FloatArray:
    # Magnitudes are taken for powers here, by the definition.
    levels = 10.0 * np.log10(np.maximum(1e-10, values))
    return np.asarray(np.maximum(levels, levels.max() - 80.0))


@numba.njit(cache=True, nogil=True)
def write_least_and_largest(S_int, first, end, least, largest):  # type: ignore[no-untyped-def] # numba infers types
    """The least and the largest magnitude in bins [first, end) of each frame.

    All are floats seen as integers: of numbers that are not negative both have the same order, and integers are
    compared several at a time.
    """
    for t in range(S_int.shape[0]):
        values = S_int[t, first:end]
        low = high = values[0]
        for i in range(values.shape[0]):
            low = values[i] if values[i] < low else low
            high = values[i] if values[i] > high else high
        least[t], largest[t] = low, high


@numba.njit(cache=True, nogil=True)
def write_means_of_ends(ascending, count, low, high):  # type: ignore[no-untyped-def] # numba infers the types
    """Means of the first and the last `count` values of each row, added up as numpy does it for librosa."""
    frames, size = ascending.shape
    for t in range(frames):
        least, largest = np.float32(0), np.float32(0)
        for i in range(count):
            least += ascending[t, i]
            largest += ascending[t, size - count + i]
        low[t], high[t] = least / np.float32(count), largest / np.float32(count)
