"""Curves of loudness, brightness and noisiness: one number a frame each."""

# ruff: noqa: N803 - S and P are the field's own names of spectrograms

import numba
import numpy as np

from features.fma.transform import HOP_LENGTH, N_FFT

# librosa leaves a frame alone whose norm is smaller than this.
TINY = float(np.finfo(np.float32).tiny)
ROLLOFF_SHARE = 0.85
# Samples nearer to zero than this count as zero.
ZERO = 1e-10
# Sums may be taken in any order, and so by several at a time.
ANY_ORDER = {"reassoc", "contract", "nsz", "arcp"}


@numba.njit(cache=True, nogil=True, fastmath=ANY_ORDER)
def write_sums(S, P, frequencies, is_parseval, centroid, bandwidth, rms):  # type: ignore[no-untyped-def] # numba's
    """Spectral centroid, spectral bandwidth and loudness of each frame, in one look at its bins.

    They are `librosa.feature.spectral_centroid`, `spectral_bandwidth` with p = 2 (Klapuri and Davy 2007, "Signal
    processing methods for music transcription", chapter 5) and `rms`.

    Parameters
    ----------
    S, P : np.ndarray [shape=(frames, 1025)]
        magnitudes and powers, float32
    frequencies : np.ndarray [shape=(1025,)]
        of the bins, in Hz
    is_parseval : bool
        which loudness is meant
    centroid, bandwidth : np.ndarray [shape=(frames,)]
        filled, in Hz; 0 in silence
    rms : np.ndarray [shape=(frames,)]
        filled; full scale is 1

    Loudness is librosa's present `rms` (`is_parseval`), which gives the signal's own under a Hann window, or `rmse` of
    librosa 0.5: the root of the mean over bins, sqrt(2 * 1024 ** 2 / 1025) = 45.23 times as large, but for the first
    and the last bin, which count half in the one and in full in the other.
    """
    last = S.shape[1] - 1
    for t in range(S.shape[0]):
        frame, powers = S[t], P[t]
        total, first, second, energy = 0.0, 0.0, 0.0, 0.0
        for k in range(S.shape[1]):
            magnitude, weighted = np.float64(frame[k]), np.float64(frame[k]) * frequencies[k]
            total += magnitude
            first += weighted
            second += weighted * frequencies[k]
            energy += np.float64(powers[k])
        if is_parseval:
            energy -= 0.5 * (np.float64(powers[0]) + np.float64(powers[last]))
            rms[t] = np.float32(np.sqrt(2.0 * energy / (N_FFT * N_FFT)))
        else:
            rms[t] = np.float32(np.sqrt(energy / (last + 1)))
        norm = total if total >= TINY else 1.0
        centre = first / norm
        centroid[t] = centre
        bandwidth[t] = np.sqrt(max(0.0, (second - 2.0 * centre * first + centre * centre * total) / norm))


@numba.njit(cache=True, nogil=True)
def write_rolloff(S, hz_per_bin, rolloff):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Spectral rolloff: the frequency below which lie 85 % of a frame's magnitude (Tzanetakis and Cook 2002, "Musical
    genre classification of audio signals"), as `librosa.feature.spectral_rolloff` has it.

    Parameters
    ----------
    S : np.ndarray [shape=(frames, 1025)]
        magnitudes, float32
    hz_per_bin : float
        sample rate by length of a frame
    rolloff : np.ndarray [shape=(frames,)]
        filled, in Hz

    Running sums in single precision, in the order of the bins, decide about the bin: other roundings would choose
    its neighbour now and then. Four frames are added up side by side, because each sum waits for the one before.
    """
    frames, bins = S.shape
    sums = np.empty((4, bins), np.float32)
    for first in range(0, frames, 4):
        b, c, d = min(first + 1, frames - 1), min(first + 2, frames - 1), min(first + 3, frames - 1)
        sum_a = sum_b = sum_c = sum_d = np.float32(0)
        for k in range(bins):
            sum_a += S[first, k]
            sum_b += S[b, k]
            sum_c += S[c, k]
            sum_d += S[d, k]
            sums[0, k], sums[1, k], sums[2, k], sums[3, k] = sum_a, sum_b, sum_c, sum_d
        for i in range(min(4, frames - first)):
            limit = np.float32(ROLLOFF_SHARE) * sums[i, bins - 1]
            rolloff[first + i] = first_at_least(sums[i], limit) * hz_per_bin


@numba.njit(cache=True, nogil=True)
def first_at_least(ascending, limit):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Index of the first value that reaches the limit."""
    low, high = 0, ascending.shape[0] - 1
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] >= limit:
            high = middle
        else:
            low = middle + 1
    return low


@numba.njit(cache=True, nogil=True)
def write_zero_crossings(y, crossings):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Zero crossing rate: the share of a frame's samples whose sign differs from the one before, as
    `librosa.feature.zero_crossing_rate` has it; the signal's ends go on as they are.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        mono, float32
    crossings : np.ndarray [shape=(frames,)]
        filled with values in [0, 1]

    A frame is four hops, so the changes of each hop are counted once. The change into a frame's first sample is that
    of the frame before.
    """
    n, hops = y.shape[0], N_FFT // HOP_LENGTH
    counts = np.empty(crossings.shape[0] + hops, np.int32)
    for i in range(counts.shape[0]):
        start = HOP_LENGTH * i - N_FFT // 2
        counts[i] = sign_changes(y, max(start, 1), min(start + HOP_LENGTH, n))
    for t in range(crossings.shape[0]):
        start = HOP_LENGTH * t - N_FFT // 2
        count = sign_changes(y, max(start, 1), min(start + 1, n))
        crossings[t] = (counts[t : t + hops].sum() - count) / N_FFT


@numba.njit(cache=True, nogil=True)
def sign_changes(y, start, end):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """How many samples in [start, end) have another sign than the one before."""
    count = np.int32(0)
    if start < end:
        now, before, limit = y[start:end], y[start - 1 : end - 1], np.float32(-ZERO)
        for i in range(now.shape[0]):
            count += np.int32((now[i] < limit) != (before[i] < limit))
    return count
