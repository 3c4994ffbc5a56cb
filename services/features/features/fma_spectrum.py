"""The short-time spectrum that most curves are read from, a block of frames at a time."""

# ruff: noqa: N803, N806 - S and P are the field's own names of spectrograms

from collections.abc import Iterator
from dataclasses import dataclass

import librosa
import numba
import numpy as np
import numpy.typing as npt

from features.scratch import Scratch

FloatArray = npt.NDArray[np.floating]

N_FFT = 2048
HOP_LENGTH = 512
N_BINS = 1 + N_FFT // 2

# Enough that what is done once a block does not count, and few enough that their magnitudes stay near.
BLOCK_FRAMES = 128
# Windowed frames and their complex spectra stay in a core's second-level cache.
TRANSFORM_FRAMES = 32
# The powers of an excerpt are kept for the second look at them (5 MB); a whole song's are computed twice instead of
# being kept, for ten minutes at 44.1 kHz would take 212 MB.
KEPT_FRAMES = 1400


@dataclass(frozen=True)
class SpectrumBlock:
    """Some successive frames of a song."""

    first: int
    """Number of the first frame."""
    S: FloatArray
    """Magnitudes [shape=(frames, 1025)], float32."""
    P: FloatArray
    """Powers, the squares of `S`."""

    @property
    def frames(self) -> slice:
        """Where they are on the song's axis of time."""
        return slice(self.first, self.first + len(self.S))


def frame_count(y: FloatArray) -> int:
    """Frames of a signal: they are centred, so the first and the last reach beyond its ends."""
    return 1 + len(y) // HOP_LENGTH


class Spectrum:
    """Magnitudes as `librosa.stft` gives them, bit by bit.

    The transform is in double precision like librosa's, whose window is; magnitudes are single. A transform in
    single precision is not enough: the quietest bins, of which spectral contrast is made, drown in its rounding.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._window = librosa.filters.get_window("hann", N_FFT, fftbins=True)
        self._windowed = np.empty((TRANSFORM_FRAMES, N_FFT))
        self._transformed = np.empty((TRANSFORM_FRAMES, N_BINS), np.complex128)
        self._rounded = np.empty((TRANSFORM_FRAMES, N_BINS), np.complex64)
        self._kept: FloatArray = np.empty((0, N_BINS), np.float32)

    def blocks(self, y: FloatArray) -> Iterator[SpectrumBlock]:
        """The first look at a song; a block is valid until the next one is asked for."""
        count = frame_count(y)
        is_kept = count <= KEPT_FRAMES
        self._kept = self._scratch.take("powers", (count if is_kept else 0, N_BINS))
        for first in range(0, count, BLOCK_FRAMES):
            size = min(BLOCK_FRAMES, count - first)
            P = self._kept[first : first + size] if is_kept else self._scratch.take("P", (size, N_BINS))
            yield self._block(y, first, P)

    def powers_again(self, y: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
        """The second look, at powers alone: frames and their powers, of the signal that `blocks` had last."""
        if len(self._kept) == frame_count(y):
            yield slice(0, len(self._kept)), self._kept
        else:
            yield from ((block.frames, block.P) for block in self.blocks(y))

    def _block(self, y: FloatArray, first: int, P: FloatArray) -> SpectrumBlock:
        S = self._scratch.take("S", (len(P), N_BINS))
        for start in range(0, len(P), TRANSFORM_FRAMES):
            self._transform(y, first + start, S[start : start + TRANSFORM_FRAMES])
        np.multiply(S, S, out=P)
        return SpectrumBlock(first, S, P)

    def _transform(self, y: FloatArray, first: int, S: FloatArray) -> None:
        size = len(S)
        window_frames(y, first, self._window, self._windowed[:size])
        np.fft.rfft(self._windowed[:size], out=self._transformed[:size])
        np.copyto(self._rounded[:size], self._transformed[:size], casting="same_kind")
        np.abs(self._rounded[:size], out=S)


@numba.njit(cache=True, nogil=True)
def window_frames(y, first, window, out):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Fill `out` with windowed frames from number `first` on; beyond its ends the signal is zero."""
    n, length = y.shape[0], window.shape[0]
    for i in range(out.shape[0]):
        start = (first + i) * HOP_LENGTH - length // 2
        row = out[i]
        if start >= 0 and start + length <= n:
            frame = y[start : start + length]
            for k in range(length):
                row[k] = window[k] * np.float64(frame[k])
        else:
            for k in range(length):
                inside = 0 <= start + k < n
                row[k] = window[k] * np.float64(y[start + k]) if inside else 0.0
