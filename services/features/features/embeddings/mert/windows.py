"""The windows of an excerpt as MERT takes them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.vectors import FloatArray

PcmArray = npt.NDArray[np.int16]

SAMPLE_RATE_HZ = 24_000
PCM_PEAK = 32_767
# What resampling leaves behind a whole number of windows is no reason for another window of almost the same sound.
SLACK_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class PcmWindows:
    """MERT's preprocessing, apart from the normalisation that its model does."""

    window_samples: int
    sample_rate_hz: int = SAMPLE_RATE_HZ

    def windows(self, y: FloatArray) -> PcmArray:
        """The windows of an excerpt, ready to be sent [shape=(windows, window_samples)].

        1. They follow one another without a gap, and the last one is moved back to end where the excerpt ends. None is
           padded with zeros: the model normalises over time, and zeros would change what it makes of the rest.
        2. An excerpt that is shorter than a window is repeated.
        3. Each window is scaled to the full range of 16 bits, so that quiet music keeps its precision.

        Parameters
        ----------
        y : np.ndarray [shape=(n,)]
            mono, float32 at 24,000 Hz, finite, not empty

        Raises
        ------
        ValueError
            if `y` is not one channel with samples
        """
        if y.ndim != 1 or y.size == 0:
            raise ValueError(f"the excerpt has the shape {y.shape}; one channel with samples is needed")
        length = self.window_samples
        if y.size < length:
            return _to_pcm(np.resize(y, (1, length)))
        return _to_pcm(np.stack([y[start : start + length] for start in _starts(y.size, length)]))


def _starts(samples: int, window_samples: int) -> list[int]:
    slack = min(round(SLACK_SECONDS * SAMPLE_RATE_HZ), window_samples // 10)
    count = max(1, -(-(samples - slack) // window_samples))
    return [*(number * window_samples for number in range(count - 1)), samples - window_samples]


def _to_pcm(windows: FloatArray) -> PcmArray:
    peaks = np.abs(windows).max(axis=1, keepdims=True)
    # A silent window stays silent.
    scale = np.divide(PCM_PEAK, peaks, out=np.zeros_like(peaks), where=peaks > 0)
    pcm: PcmArray = np.rint(windows * scale).astype(np.int16)
    return pcm
