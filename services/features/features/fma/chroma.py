"""Curves of harmony: three kinds of chroma and the tonal centroids.

A chroma has a value for each of the twelve pitch classes, C first, whatever their octave.
"""

# ruff: noqa: N803 - P is the field's own name of a power spectrogram

from functools import lru_cache

import librosa
import numba
import numpy as np

from features.fma.buffers import Buffers, FloatArray
from features.fma.cqt import N_CHROMA
from features.fma.transform import N_FFT

# librosa leaves a frame alone whose norm is smaller than this.
TINY = float(np.finfo(np.float32).tiny)
CENS_SMOOTHING_FRAMES = 41
# What a bin adds to the pitch class opposite its own is inaudible; but products of it are the subnormal numbers that
# processors are slow with.
FAINTEST_WEIGHT = 1e-20


@lru_cache(maxsize=400)
def chroma_filters(sample_rate_hz: int, tuning: float) -> FloatArray:
    """What each bin of the spectrum adds to each pitch class, as `librosa.filters.chroma` has it.

    Parameters
    ----------
    sample_rate_hz : int
        in Hz, of the signal behind the spectrum
    tuning : float
        deviation from A = 440 Hz in fractions of a semitone, in [-0.5, 0.5)

    Returns
    -------
    np.ndarray [shape=(1025, 12)], float32, at least 0
    """
    filters = librosa.filters.chroma(sr=sample_rate_hz, n_fft=N_FFT, tuning=tuning, n_chroma=N_CHROMA)
    filters[filters < FAINTEST_WEIGHT] = 0.0
    return np.asarray(filters, dtype=np.float32).T


def write_chroma_stft(P: FloatArray, filters: FloatArray, curves: FloatArray, scratch: Buffers) -> None:
    """Chroma of the short-time spectrum, as `librosa.feature.chroma_stft` computes it (Ellis 2007, "Chroma feature
    analysis and synthesis").

    Parameters
    ----------
    P : np.ndarray [shape=(frames, 1025)]
        powers, float32
    filters : np.ndarray [shape=(1025, 12)]
        as `chroma_filters` gives them
    curves : np.ndarray [shape=(12, frames)]
        float64; filled with values in [0, 1], of which the strongest of a frame is 1, or with zeros in silence
    """
    chroma = scratch.take("chroma", (len(P), N_CHROMA))
    np.dot(P, filters, out=chroma)
    write_relative_to_strongest(chroma, curves)


def write_chroma_cqt(classes: FloatArray, curves: FloatArray) -> None:
    """Chroma of the constant-Q transform, as `librosa.feature.chroma_cqt` computes it with 12 bins an octave.

    Parameters
    ----------
    classes : np.ndarray [shape=(frames, 12)]
        magnitudes by pitch class, as `cqt.pitch_classes` gives them
    curves : np.ndarray [shape=(12, frames)]
        float64; filled with values in [0, 1], of which the strongest of a frame is 1, or with zeros in silence
    """
    write_relative_to_strongest(classes, curves)


def write_chroma_cens(classes: FloatArray, curves: FloatArray, scratch: Buffers) -> None:
    """Chroma energy normalised statistics (CENS), as `librosa.feature.chroma_cens` computes them: chroma whose sum is
    1, quantised, smoothed under a Hann window of 41 frames (about a second), each frame of length 1 (Müller and Ewert
    2011, "Chroma Toolbox").

    Parameters
    ----------
    classes : np.ndarray [shape=(frames, 12)]
        magnitudes by pitch class, as `cqt.pitch_classes` gives them
    curves : np.ndarray [shape=(12, frames)]
        float64; filled with values in [0, 1]
    """
    window = librosa.filters.get_window("hann", CENS_SMOOTHING_FRAMES + 2, fftbins=False)
    window /= window.sum()
    steps = scratch.take("cens", (N_CHROMA, len(classes) + len(window) - 1), np.float64)
    quantise(classes, len(window) // 2, steps)
    smooth(steps, window, curves)
    normalise_euclidean(curves)


def tonnetz_projection() -> FloatArray:
    """The projection behind the tonal centroids (tonnetz): from pitch classes to the circles of fifths, of minor thirds
    and of major thirds (Harte, Sandler and Gasser 2006, "Detecting harmonic change in musical audio").

    Returns
    -------
    np.ndarray [shape=(6, 12)], float64: a sine and a cosine for each circle
    """
    angles = np.multiply.outer([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3], np.arange(N_CHROMA, dtype=float))
    angles[::2] -= 0.5
    radii = np.array([1, 1, 1, 1, 0.5, 0.5])
    return np.asarray(radii[:, np.newaxis] * np.cos(np.pi * angles))


@numba.njit(cache=True, nogil=True)
def write_relative_to_strongest(chroma, curves):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Frames in rows of `chroma`, in columns of `curves`; values are rounded to single precision as librosa's are."""
    for t in range(chroma.shape[0]):
        largest = 0.0
        for j in range(N_CHROMA):
            largest = max(largest, np.float64(np.float32(chroma[t, j])))
        if largest < TINY:
            largest = 1.0
        for j in range(N_CHROMA):
            curves[j, t] = np.float32(np.float64(np.float32(chroma[t, j])) / largest)


@numba.njit(cache=True, nogil=True)
def quantise(chroma, margin, steps):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Each pitch class's share of its frame in steps of a quarter; `steps` is zero for `margin` frames at both ends."""
    frames = chroma.shape[0]
    steps[:, :margin] = 0.0
    steps[:, margin + frames :] = 0.0
    for t in range(frames):
        total = 0.0
        for j in range(N_CHROMA):
            total += np.float64(np.float32(chroma[t, j]))
        if total < TINY:
            total = 1.0
        for j in range(N_CHROMA):
            share = np.float32(np.float64(np.float32(chroma[t, j])) / total)
            passed = 0.0
            for limit in (0.05, 0.1, 0.2, 0.4):
                passed += 0.25 if share > np.float32(limit) else 0.0
            steps[j, margin + t] = passed


@numba.njit(cache=True, nogil=True)
def smooth(steps, window, curves):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Weighted means over `len(window)` frames; sums in double precision, results in single."""
    frames = curves.shape[1]
    for j in range(N_CHROMA):
        out = curves[j]
        out[:] = 0.0
        for u in range(window.shape[0]):
            weight, shifted = window[u], steps[j, u : u + frames]
            for t in range(frames):
                out[t] += weight * shifted[t]
        for t in range(frames):
            out[t] = np.float32(out[t])


@numba.njit(cache=True, nogil=True)
def normalise_euclidean(curves):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Make each frame a vector of length 1."""
    for t in range(curves.shape[1]):
        squares = 0.0
        for j in range(N_CHROMA):
            squares += curves[j, t] ** 2
        length = np.sqrt(squares)
        if length < TINY:
            length = 1.0
        for j in range(N_CHROMA):
            curves[j, t] = np.float32(curves[j, t] / length)


@numba.njit(cache=True, nogil=True)
def write_tonnetz(cens, projection, curves):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """The tonal centroids of each frame, as `librosa.feature.tonnetz` computes them of chroma whose sum is made 1.

    Parameters
    ----------
    cens : np.ndarray [shape=(12, frames)]
        chroma, float64
    projection : np.ndarray [shape=(6, 12)]
        as `tonnetz_projection` gives it
    curves : np.ndarray [shape=(6, frames)]
        float64; filled with coordinates in [-1, 1]
    """
    for t in range(cens.shape[1]):
        total = 0.0
        for j in range(N_CHROMA):
            total += cens[j, t]
        if total < TINY:
            total = 1.0
        for i in range(6):
            coordinate = 0.0
            for j in range(N_CHROMA):
                coordinate += projection[i, j] * np.float64(np.float32(cens[j, t] / total))
            curves[i, t] = coordinate
