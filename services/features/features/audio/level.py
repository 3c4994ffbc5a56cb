"""Whether an excerpt can be heard: loud enough, and not cancelled out where its channels are mixed to one."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

# Mean power of a second, -70 dB of full scale: below it lie dither and what codecs make of silence (-90 dB and less),
# above it the quietest music and the noise of tape and vinyl.
AUDIBLE_POWER = 10 ** (-70 / 10)
# Power of the sum of the channels by the sum of their powers: 2 where two are the same, 1 where they have nothing in
# common, 0 where one is the other inverted. Music is above 1, wide stereo a little below.
CANCELLED_SHARE = 0.5
# So much louder, as a power, must a channel be than the first to stand for the song in its place.
MUCH_LOUDER = 2.0
# Of each second so much is looked at for cancellation: the channels come interleaved, and reading all of them twice
# would cost more than the mixing.
LOOKED_AT = 8


@dataclass(frozen=True, kw_only=True)
class Level:
    """What the levels of an excerpt say."""

    audible_share: float
    """Of its seconds, 0 to 1, those above -70 dB."""
    only_channel: int | None
    """The channel that is to stand for the song, where the channels cancel each other out; None: their mean."""


class LevelMeter:
    """Measures block by block; takes a few tenths of a millisecond for half a minute of stereo."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz
        self._power = 0.0
        self._samples = 0
        self._seconds: list[float] = []
        # Of what is looked at of each second, sums of squares: of each channel, and of the mean of all.
        self._channels: list[float] = []
        self._sum = 0.0
        self._looked_at = 0

    def add(self, block: FloatArray, y: FloatArray) -> None:
        """The next samples: of every channel [shape=(n, channels)], and the one signal made of them [shape=(n,)]."""
        start = 0
        while start < len(y):
            end = min(len(y), start + self._rate_hz - self._samples)
            self._add_to_second(y[start:end])
            looked_at = slice(start, start + max(1, (end - start) // LOOKED_AT))
            self._compare(block[looked_at], y[looked_at])
            start = end

    def result(self) -> Level:
        """Of all that came."""
        seconds = [*self._seconds, self._power / self._samples] if self._samples else self._seconds
        return Level(
            audible_share=sum(each > AUDIBLE_POWER for each in seconds) / max(1, len(seconds)),
            only_channel=self._only_channel(),
        )

    def _add_to_second(self, y: FloatArray) -> None:
        self._power += _power(y)
        self._samples += len(y)
        if self._samples == self._rate_hz:
            self._seconds.append(self._power / self._rate_hz)
            self._power, self._samples = 0.0, 0

    def _compare(self, block: FloatArray, y: FloatArray) -> None:
        channels = block.shape[1]
        # Their number may change within a song.
        self._channels += [0.0] * (channels - len(self._channels))
        for channel in range(channels):
            self._channels[channel] += _power(block[:, channel])
        self._sum += _power(y) * channels**2
        self._looked_at += len(y)

    def _only_channel(self) -> int | None:
        """The channel that stands for the song: the first, unless another is much louder."""
        loudest = max(self._channels, default=0.0)
        has_sound = loudest > AUDIBLE_POWER * self._looked_at
        if not has_sound or self._sum >= CANCELLED_SHARE * sum(self._channels):
            return None
        return 0 if loudest <= MUCH_LOUDER * self._channels[0] else self._channels.index(loudest)


def _power(y: FloatArray) -> float:
    return float(np.dot(y, y))
