"""The short-time spectrum that most curves are read from, a block of frames at a time."""

# ruff: noqa: N803, N806 - S and P are the field's own names of spectrograms

from collections.abc import Iterator
from dataclasses import dataclass

import librosa
import numpy as np

from features.fma.buffers import Buffers, FloatArray
from features.fma.transform import HOP_LENGTH, N_BINS, N_FFT, transform, transform_tables

# Enough that what is done once a block does not count, and few enough that their magnitudes stay near.
BLOCK_FRAMES = 128
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
    """Frames of a signal `y` [shape=(n,)], 512 samples apart: they are centred, so the first and the last reach beyond
    its ends."""
    return 1 + len(y) // HOP_LENGTH


class Spectrum:
    """Magnitudes as `librosa.stft` gives them, but for the rounding of their last digits.

    The transform is in double precision like librosa's, whose window is; magnitudes are single. A transform in
    single precision is not enough: the quietest bins, of which spectral contrast is made, drown in its rounding.
    """

    def __init__(self, scratch: Buffers) -> None:
        self._scratch = scratch
        self._tables = transform_tables(librosa.filters.get_window("hann", N_FFT, fftbins=True))
        self._kept: FloatArray = np.empty((0, N_BINS), np.float32)

    def blocks(self, y: FloatArray) -> Iterator[SpectrumBlock]:
        """The first look at a song; a block is valid until the next one is asked for.

        y : np.ndarray [shape=(n,)], mono, float32, finite
        """
        count = frame_count(y)
        is_kept = count <= KEPT_FRAMES
        self._kept = self._scratch.take("powers", (count if is_kept else 0, N_BINS))
        for first in range(0, count, BLOCK_FRAMES):
            size = min(BLOCK_FRAMES, count - first)
            P = self._kept[first : first + size] if is_kept else self._scratch.take("P", (size, N_BINS))
            yield self._block(y, first, P)

    def powers_again(self, y: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
        """The second look, at powers alone: frames and their powers [shape=(frames, 1025)], of the signal `y` that
        `blocks` had last."""
        if len(self._kept) == frame_count(y):
            yield slice(0, len(self._kept)), self._kept
        else:
            yield from ((block.frames, block.P) for block in self.blocks(y))

    def _block(self, y: FloatArray, first: int, P: FloatArray) -> SpectrumBlock:
        S = self._scratch.take("S", (len(P), N_BINS))
        transform(y, first, self._tables, S, P)
        return SpectrumBlock(first, S, P)
