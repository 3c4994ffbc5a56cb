"""Resampling of an excerpt as its blocks come, by soxr's high quality."""

import numpy as np
import soxr

from features.audio.stream import AudioStream
from features.vectors import FloatArray


class Resampler:
    """The excerpt at one rate, resampled at once where it comes as one block, else block by block: equal to the bit."""

    def __init__(self, stream: AudioStream, rate: int) -> None:
        self._native_hz = stream.sample_rate_hz
        self._rate_hz = rate or stream.sample_rate_hz
        self._expected = stream.count
        self._held = np.empty(0, dtype=np.float32)
        self._joined: _Joined | None = None

    def take(self, y: FloatArray) -> None:
        """The next block."""
        if len(self._held):
            self._joined = self._joined or _Joined(
                self._native_hz, self._rate_hz, self._length(self._expected)
            )
            self._joined.add(self._held)
        self._held = y

    def finish(self, count: int) -> FloatArray:
        """What came of `count` samples [shape=(n,)], float32 at the rate."""
        if self._joined is not None:
            self._joined.add(self._held, last=True)
            y = self._joined.y
        elif self._rate_hz == self._native_hz:
            y = self._held
        else:
            y = soxr.resample(self._held, self._native_hz, self._rate_hz, "HQ")
        return y[: self._length(count)]

    def _length(self, frames: int) -> int:
        return -(-frames * self._rate_hz // self._native_hz)


class _Joined:
    """Blocks, resampled and joined as they come."""

    def __init__(self, native_hz: int, rate_hz: int, length: int) -> None:
        self._all = np.empty(length, dtype=np.float32)
        self._filled = 0
        self._stream = (
            soxr.ResampleStream(native_hz, rate_hz, 1, dtype="float32", quality="HQ")
            if rate_hz != native_hz
            else None
        )

    @property
    def y(self) -> FloatArray:
        """What came so far."""
        return self._all[: self._filled]

    def add(self, y: FloatArray, *, last: bool = False) -> None:
        if self._stream is not None:
            y = self._stream.resample_chunk(y, last=last)
        y = y[: len(self._all) - self._filled]
        self._all[self._filled : self._filled + len(y)] = y
        self._filled += len(y)
