"""The windows of an excerpt as MusiCNN takes them: mel spectra, as librosa's melspectrogram makes them."""

from dataclasses import dataclass
from functools import cache

import librosa
import numpy as np
import numpy.typing as npt
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from features.vectors import FloatArray

MelSpectra = npt.NDArray[np.float16]

SAMPLE_RATE_HZ = 16_000
N_FFT, HOP_LENGTH, BANDS = 512, 256, 96
# Three seconds.
FRAMES = 187
WINDOWS = 5
GREATEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, kw_only=True)
class MelWindows:
    """MusiCNN's preprocessing, apart from the logarithm that its model takes."""

    sample_rate_hz: int = SAMPLE_RATE_HZ

    def windows(self, y: FloatArray) -> MelSpectra:
        """The power mel spectra of windows, ready to be sent [shape=(WINDOWS, FRAMES * BANDS)].

        1. A frame is centred at each 256th sample, with zeros beyond both ends, as librosa has them.
        2. The windows lie evenly over the excerpt: the first begins with the first frame, the last ends with the last.
           Those of a song of less than 15 s overlap. An excerpt that is shorter than a window is repeated.
        3. Values are rounded to half precision, as those that the network was trained on; what is larger than its
           largest number, which only absurd samples make, becomes that.

        Parameters
        ----------
        y : np.ndarray [shape=(n,)]
            mono, float32 at 16,000 Hz, finite, not empty

        Raises
        ------
        ValueError
            if `y` is not one channel with samples
        """
        if y.ndim != 1 or y.size == 0:
            raise ValueError(f"the excerpt has the shape {y.shape}; one channel with samples is needed")
        frames = _frames(y if y.size >= (FRAMES - 1) * HOP_LENGTH else np.resize(y, FRAMES * HOP_LENGTH))
        return np.stack([_mel(frames[start : start + FRAMES]).reshape(-1) for start in starts(len(frames))])


def starts(frames: int) -> list[int]:
    """The first frame of each window."""
    return [round((frames - FRAMES) * number / (WINDOWS - 1)) for number in range(WINDOWS)]


def _frames(y: FloatArray) -> FloatArray:
    """A view of the frames [shape=(1 + n // HOP_LENGTH, N_FFT)]."""
    return sliding_window_view(np.pad(y, N_FFT // 2), N_FFT)[::HOP_LENGTH]


def _mel(frames: FloatArray) -> MelSpectra:
    spectrum = scipy.fft.rfft(frames * _hann())
    power = spectrum.real**2 + spectrum.imag**2
    mel: MelSpectra = np.minimum(power @ _mel_filters(), GREATEST).astype(np.float16)
    return mel


@cache
def _hann() -> FloatArray:
    hann: FloatArray = librosa.filters.get_window("hann", N_FFT).astype(np.float32)
    return hann


@cache
def _mel_filters() -> FloatArray:
    """[shape=(1 + N_FFT // 2, BANDS)]"""
    filters = librosa.filters.mel(sr=SAMPLE_RATE_HZ, n_fft=N_FFT, n_mels=BANDS)
    return np.ascontiguousarray(filters.T, dtype=np.float32)
