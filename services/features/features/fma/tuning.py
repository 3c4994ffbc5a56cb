"""How far a song is tuned from A = 440 Hz, estimated as librosa does from the peaks of its spectrum.

There are two estimates, and they differ: the constant-Q transform is tuned from magnitudes, `chroma_stft` from powers.
An estimate that is off by one hundredth of a semitone rewrites all chroma of a song, so every rounding here is
librosa's own.
"""

# ruff: noqa: N803 - S is the field's own name of a spectrogram

import librosa
import numba
import numpy as np

from features.fma.buffers import FloatArray
from features.fma.spectrum import BLOCK_FRAMES
from features.fma.transform import N_BINS, N_FFT

# The limits of librosa.piptrack.
LOWEST_HZ = 150.0
HIGHEST_HZ = 4000.0
RELATIVE_THRESHOLD = 0.1
# Bins that are looked over at once.
STRETCH = 16


class TuningEstimate:
    """Collects the peaks of a song block by block; `sample_rate_hz` is what the estimate takes for the song's rate.

    It is `librosa.estimate_tuning`: peaks between bins by a parabola through three of them (`librosa.piptrack`, after
    J. O. Smith, "Spectral audio signal processing"), and the commonest deviation of the stronger half.
    """

    def __init__(self, sample_rate_hz: float) -> None:
        self._sample_rate_hz = float(sample_rate_hz)
        frequencies = librosa.fft_frequencies(sr=sample_rate_hz, n_fft=N_FFT)
        highest_hz = min(HIGHEST_HZ, sample_rate_hz / 2)
        (bins,) = np.nonzero((frequencies >= LOWEST_HZ) & (frequencies < highest_hz))
        self._first, self._end = int(bins[0]), int(bins[-1]) + 1
        # A peak is higher than its left neighbour, so there is one in two bins at most.
        self._found = np.empty((2, BLOCK_FRAMES * (N_BINS // 2 + 1)), np.float32)
        self._pitches: list[FloatArray] = []
        self._magnitudes: list[FloatArray] = []

    def start(self) -> None:
        """Forget the song before."""
        self._pitches.clear()
        self._magnitudes.clear()

    def add(self, S: FloatArray) -> None:
        """Take in the peaks of some frames: magnitudes, or powers [shape=(frames, 1025)], float32, at least 0; no more
        than `spectrum.BLOCK_FRAMES` of them."""
        pitches, magnitudes = self._found
        count = find_peaks(
            S, S.view(np.int32), self._first, self._end, self._sample_rate_hz, pitches, magnitudes
        )
        self._pitches.append(pitches[:count].copy())
        self._magnitudes.append(magnitudes[:count].copy())

    def estimate(self) -> float:
        """Deviation in fractions of a semitone, a multiple of 0.01 in [-0.5, 0.5); 0 where there is no peak.

        Forgets the song's peaks, of which a long one has a hundred megabytes.
        """
        pitches, magnitudes = np.concatenate(self._pitches), np.concatenate(self._magnitudes)
        self.start()
        if pitches.size == 0:
            return 0.0
        strong = pitches[magnitudes >= np.median(magnitudes)]
        return float(librosa.pitch_tuning(strong, resolution=0.01, bins_per_octave=12))


@numba.njit(cache=True, nogil=True)
def find_peaks(S, S_int, first, end, sample_rate_hz, pitches, magnitudes):  # type: ignore[no-untyped-def] # numba's
    """Write the peaks in bins [first, end) of each frame and return their number, as librosa.piptrack finds them.

    `S_int` is the same memory as integers: those of floats that are not negative have the same order, and their
    maximum is found twelve times as fast. So are stretches without a peak.
    """
    count = 0
    limit = np.empty(1, np.float32)
    limit_int = limit.view(np.int32)
    for t in range(S.shape[0]):
        frame, frame_int = S[t], S_int[t]
        limit_int[0] = largest(frame_int)
        limit[0] *= np.float32(RELATIVE_THRESHOLD)
        for start in range(first, end, STRETCH):
            stop = min(start + STRETCH, end)
            if largest(frame_int[start:stop]) <= limit_int[0]:
                continue
            for k in range(start, stop):
                x = frame[k]
                if x > limit[0] and x > frame[k - 1] and x >= frame[k + 1]:
                    shift = parabola_shift(frame[k - 1], x, frame[k + 1])
                    slope = np.float32((frame[k + 1] - frame[k - 1]) / np.float32(2))
                    pitches[count] = np.float32((k + np.float64(shift)) * sample_rate_hz / N_FFT)
                    magnitudes[count] = x + np.float32(np.float32(np.float32(0.5) * slope) * shift)
                    count += 1
    return count


@numba.njit(cache=True, nogil=True)
def largest(values):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """The largest of integers that are not negative."""
    found = np.int32(0)
    for i in range(values.shape[0]):
        # Written so, the compiler takes several at a time; with max() it would not.
        found = values[i] if values[i] > found else found
    return found


@numba.njit(cache=True, nogil=True)
def parabola_shift(left, centre, right):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Where between the bins the parabola through three of them is highest; librosa's types, step by step."""
    a = np.float64(right + left) - 2.0 * np.float64(centre)
    b = np.float64(np.float32(right - left)) / 2.0
    return np.float32(0) if abs(b) >= abs(a) else np.float32(-b / a)
