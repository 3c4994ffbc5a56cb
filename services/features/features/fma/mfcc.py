"""Mel-frequency cepstral coefficients (MFCC): the shape of the spectrum as the ear resolves it.

The method is that of Davis and Mermelstein 1980, as `librosa.feature.mfcc` has it: 128 triangles of Slaney's mel scale,
decibels, and the discrete cosine transform of type II.
"""

# ruff: noqa: N803 - P is the field's own name of a power spectrogram

import warnings
from dataclasses import dataclass

import librosa
import numba
import numpy as np
import numpy.typing as npt
import scipy.fft

from features.fma.buffers import FloatArray
from features.fma.transform import N_FFT

N_MELS = 128
N_MFCC = 20
# Sums may be taken in any order, and so by several at a time.
ANY_ORDER = {"reassoc", "contract", "nsz", "arcp"}


@dataclass(frozen=True)
class MelFilters:
    """128 triangles over the bins, without the zeros around them."""

    first: npt.NDArray[np.int64]
    """First bin of each."""
    start: npt.NDArray[np.int64]
    """Where each one's weights begin; one more for the end of the last."""
    weights: FloatArray


def mel_filters(sample_rate_hz: float) -> MelFilters:
    """librosa's filters (`librosa.filters.mel`), for a signal of this sample rate in Hz.

    At high rates some lie between two bins and are empty, here as there, of which it warns.
    """
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        dense = librosa.filters.mel(sr=sample_rate_hz, n_fft=N_FFT, n_mels=N_MELS)
    spans = [np.nonzero(row)[0] for row in dense]
    firsts = [int(bins[0]) if bins.size else 0 for bins in spans]
    rows = [
        row[bins[0] : bins[-1] + 1] if bins.size else row[:0] for row, bins in zip(dense, spans, strict=True)
    ]
    starts = np.cumsum([0, *(len(row) for row in rows)])
    return MelFilters(np.array(firsts), starts, np.concatenate(rows).astype(np.float32))


def mfcc(mels: FloatArray) -> FloatArray:
    """The first 20 coefficients of each frame.

    Parameters
    ----------
    mels : np.ndarray [shape=(frames, 128)]
        mel powers of all frames of a song, float32, which are overwritten; levels are cut off 80 dB below the highest

    Returns
    -------
    np.ndarray [shape=(20, frames)], float32
    """
    levels = np.maximum(np.float32(1e-10), mels, out=mels)
    np.log10(levels, out=levels)
    levels *= np.float32(10)
    np.maximum(levels, levels.max() - np.float32(80), out=levels)
    coefficients: FloatArray = scipy.fft.dct(levels, axis=1, type=2, norm="ortho", overwrite_x=True)
    return coefficients[:, :N_MFCC].T


@numba.njit(cache=True, nogil=True, fastmath=ANY_ORDER)
def write_mels(P, first, start, weights, mels):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Mel powers of each frame.

    Parameters
    ----------
    P : np.ndarray [shape=(frames, 1025)]
        powers, float32
    first, start, weights : np.ndarray
        the fields of a MelFilters
    mels : np.ndarray [shape=(frames, 128)]
        float32; filled

    Four frames at a time, for most triangles are so short that finding them takes as long as adding them up.
    """
    last = P.shape[0] - 1
    for t in range(0, last + 1, 4):
        u, v, w = min(t + 1, last), min(t + 2, last), min(t + 3, last)
        for m in range(first.shape[0]):
            triangle = weights[start[m] : start[m + 1]]
            begin, end = first[m], first[m] + triangle.shape[0]
            bins_t, bins_u, bins_v, bins_w = (
                P[t, begin:end],
                P[u, begin:end],
                P[v, begin:end],
                P[w, begin:end],
            )
            sum_t = sum_u = sum_v = sum_w = np.float32(0)
            for k in range(triangle.shape[0]):
                sum_t += bins_t[k] * triangle[k]
                sum_u += bins_u[k] * triangle[k]
                sum_v += bins_v[k] * triangle[k]
                sum_w += bins_w[k] * triangle[k]
            mels[t, m], mels[u, m], mels[v, m], mels[w, m] = sum_t, sum_u, sum_v, sum_w
