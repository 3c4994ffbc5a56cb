"""Whether an excerpt can be heard: loud enough, and not cancelled out where its channels are mixed to one."""

from dataclasses import dataclass

import numpy as np

from features.vectors import FloatArray

# Mean power of a tenth of a second, -70 dB of full scale: below it lie dither and what codecs make of silence (-90 dB
# and less), above it the quietest music and the noise of tape and vinyl. In a whole second a single click would do.
PIECES_PER_SECOND = 10
AUDIBLE_POWER = 10 ** (-70 / 10)
# Power of the sum of the channels by the sum of their powers: 2 where two are the same, 1 where they have nothing in
# common, 0 where one is the other inverted. Music is above 1, wide stereo a little below.
CANCELLED_SHARE = 0.5
# So much louder, as a power, must a channel be than the first to stand for the song in its place.
MUCH_LOUDER = 2.0
# Of each piece so much is looked at for cancellation: the channels come interleaved, and reading all of them twice
# would cost more than the mixing.
LOOKED_AT = 8
# A constant offset is no sound. One that is less than this share of the power is left in: it decides nothing.
OFFSET_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class Level:
    """What the levels of an excerpt say."""

    audible_share: float
    """Of its tenths of seconds, 0 to 1, those above -70 dB."""
    only_channel: int | None
    """The channel that is to stand for the song, where the channels cancel each other out; None: their mean."""


class LevelMeter:
    """Measures block by block, in pieces of a tenth of a second; takes a millisecond for half a minute of stereo."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._piece = max(1, sample_rate_hz // PIECES_PER_SECOND)
        self._pieces = self._audible = 0
        # What came behind the last whole piece: of every channel, and the one signal.
        self._rest: tuple[FloatArray, FloatArray] | None = None
        # Of what is looked at of each piece, sums of squares: of each channel, and of the sum of all.
        self._channels: list[float] = []
        self._sum = 0.0
        self._looked_at = 0

    def add(self, block: FloatArray, y: FloatArray) -> None:
        """The next samples: of every channel [shape=(n, channels)], and the one signal made of them [shape=(n,)]."""
        if self._rest is not None and self._rest[0].shape[1] != block.shape[1]:
            self._end_rest()  # their number may change within a song
        if self._rest is not None:
            used = min(self._piece - len(self._rest[1]), len(y))
            self._rest = (
                np.concatenate([self._rest[0], block[:used]]),
                np.concatenate([self._rest[1], y[:used]]),
            )
            if len(self._rest[1]) < self._piece:
                return
            self._end_rest()
            block, y = block[used:], y[used:]
        whole = len(y) - len(y) % self._piece
        if whole:
            self._measure(block[:whole], y[:whole], self._piece)
        if whole < len(y):
            self._rest = block[whole:].copy(), y[whole:].copy()

    def result(self) -> Level:
        """Of all that came."""
        self._end_rest()
        share = self._audible / max(1, self._pieces)
        return Level(audible_share=share, only_channel=self._only_channel())

    def _end_rest(self) -> None:
        if self._rest is not None:
            self._measure(*self._rest, len(self._rest[1]))
            self._rest = None

    def _measure(self, block: FloatArray, y: FloatArray, piece: int) -> None:
        """Whole pieces of this length."""
        channels = block.shape[1]
        looked_at = slice(max(1, piece // LOOKED_AT))
        pieces = y.reshape(-1, piece)
        self._audible += int(np.count_nonzero(_powers(pieces) > AUDIBLE_POWER * piece))
        self._pieces += len(pieces)
        self._channels += [0.0] * (channels - len(self._channels))
        for channel in range(channels):
            self._channels[channel] += _power(block[:, channel].reshape(-1, piece)[:, looked_at])
        self._sum += _power(pieces[:, looked_at]) * channels**2
        self._looked_at += pieces[:, looked_at].size

    def _only_channel(self) -> int | None:
        """The channel that stands for the song: the first, unless another is much louder."""
        loudest = max(self._channels, default=0.0)
        has_sound = loudest > AUDIBLE_POWER * self._looked_at
        if not has_sound or self._sum >= CANCELLED_SHARE * sum(self._channels):
            return None
        return 0 if loudest <= MUCH_LOUDER * self._channels[0] else self._channels.index(loudest)


def _powers(pieces: FloatArray) -> FloatArray:
    """Of each piece [shape=(n, samples)] the sum of squares, without what is the same in all of its samples."""
    powers: FloatArray = np.einsum("ij,ij->i", pieces, pieces)
    offsets = pieces.mean(axis=1)
    has_offset = offsets**2 * pieces.shape[1] > OFFSET_SHARE * powers
    if has_offset.any():
        moving = pieces[has_offset] - offsets[has_offset, np.newaxis]
        powers[has_offset] = np.einsum("ij,ij->i", moving, moving)
    return powers


def _power(pieces: FloatArray) -> float:
    return float(_powers(pieces).sum(dtype=np.float64))
