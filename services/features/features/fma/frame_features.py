"""From samples to the 74 curves over time that the 518 values are statistics of."""

from collections.abc import Mapping
from dataclasses import dataclass

import librosa
import numpy as np

from features.fma import chroma, contrast, cqt, mfcc, timbre
from features.fma.buffers import Buffers, FloatArray
from features.fma.spectrum import Spectrum, SpectrumBlock, frame_count
from features.fma.transform import N_FFT
from features.fma.tuning import TuningEstimate

CURVES: Mapping[str, int] = {
    "chroma_cens": cqt.N_CHROMA,
    "chroma_cqt": cqt.N_CHROMA,
    "chroma_stft": cqt.N_CHROMA,
    "mfcc": mfcc.N_MFCC,
    "rmse": 1,
    "spectral_bandwidth": 1,
    "spectral_centroid": 1,
    "spectral_contrast": contrast.N_BANDS,
    "spectral_rolloff": 1,
    "tonnetz": 6,
    "zcr": 1,
}
"""Features and how many curves each has, in the order of the data set's columns."""

# librosa computes these in single precision: a curve counts as constant within that.
_SINGLE_PRECISION = frozenset({"chroma_cens", "chroma_cqt", "chroma_stft", "mfcc", "rmse"})

# The rate that librosa takes for granted where it is not told one.
ASSUMED_RATE_HZ = 22_050


def _rows() -> dict[str, slice]:
    ends = np.cumsum(list(CURVES.values()))
    return {
        name: slice(int(end) - size, int(end)) for (name, size), end in zip(CURVES.items(), ends, strict=True)
    }


ROWS: Mapping[str, slice] = _rows()
"""Where the curves of a feature lie."""
N_CURVES = sum(CURVES.values())
PRECISIONS = tuple(
    np.finfo(np.float32 if name in _SINGLE_PRECISION else np.float64)
    for name, size in CURVES.items()
    for _ in range(size)
)
"""What each of the 74 curves is computed in, by definition."""


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What was computed of a signal."""

    values: FloatArray
    """[shape=(74, frames)], float64; `ROWS` says which is which. Valid until the next signal."""
    cqt_tuning: float
    """Deviation from A = 440 Hz in fractions of a semitone, of magnitudes."""
    chroma_tuning: float
    """The same of powers."""


class CurveComputer:
    """Computes the curves of one signal after another; its tables and arrays are made once.

    `old_rmse` takes loudness as librosa 0.5 defined it. As in the original code only the constant-Q transform and the
    mel filters know the signal's rate; the rest is told none, and takes 22,050 Hz for granted.
    """

    def __init__(self, sample_rate_hz: int, *, old_rmse: bool = False) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._old_rmse = old_rmse
        self._scratch = Buffers()
        self._spectrum = Spectrum(self._scratch)
        self._frequencies = librosa.fft_frequencies(sr=ASSUMED_RATE_HZ, n_fft=N_FFT)
        self._bands = contrast.octave_bands(ASSUMED_RATE_HZ)
        self._mel_filters = mfcc.mel_filters(sample_rate_hz)
        self._projection = chroma.tonnetz_projection()
        self._cqt_tuning = TuningEstimate(sample_rate_hz)
        self._chroma_tuning = TuningEstimate(ASSUMED_RATE_HZ)

    def compute(self, y: FloatArray) -> Curves:
        """All curves of a song.

        y : np.ndarray [shape=(n,)], mono, float32, finite, at the computer's sample rate; at least one second

        1. Block by block: what can be said of a frame alone, and the peaks for both tunings.
        2. What needs the whole song: decibels relative to the highest, both tunings.
        3. Chroma: of the spectrum by a second look at its powers, of the constant-Q transform from the samples.
        """
        values = self._scratch.take("curves", (N_CURVES, frame_count(y)), np.float64)
        self._write_timbre(y, values)
        cqt_tuning, chroma_tuning = self._cqt_tuning.estimate(), self._chroma_tuning.estimate()
        self._write_chroma_stft(y, chroma_tuning, values[ROWS["chroma_stft"]])
        self._write_harmony(y, cqt_tuning, values)
        return Curves(values=values, cqt_tuning=cqt_tuning, chroma_tuning=chroma_tuning)

    def _write_timbre(self, y: FloatArray, values: FloatArray) -> None:
        frames = frame_count(y)
        valleys, peaks = self._scratch.take("extremes", (2, contrast.N_BANDS, frames))
        mels = self._scratch.take("mels", (frames, mfcc.N_MELS))
        self._cqt_tuning.start()
        self._chroma_tuning.start()
        for block in self._spectrum.blocks(y):
            self._look_at(block, values, mels)
            at = block.frames
            contrast.write_extremes(block.S, self._bands, valleys[:, at], peaks[:, at], self._scratch)
        timbre.write_zero_crossings(y, values[ROWS["zcr"]][0])
        values[ROWS["spectral_contrast"]] = contrast.contrast(valleys, peaks)
        values[ROWS["mfcc"]] = mfcc.mfcc(mels)

    def _look_at(self, block: SpectrumBlock, values: FloatArray, mels: FloatArray) -> None:
        at = block.frames
        centroid, bandwidth, rmse, rolloff = (
            values[ROWS[name]][0, at]
            for name in ("spectral_centroid", "spectral_bandwidth", "rmse", "spectral_rolloff")
        )
        is_parseval = not self._old_rmse
        timbre.write_sums(block.S, block.P, self._frequencies, is_parseval, centroid, bandwidth, rmse)
        timbre.write_rolloff(block.S, ASSUMED_RATE_HZ / N_FFT, rolloff)
        filters = self._mel_filters
        mfcc.write_mels(block.P, filters.first, filters.start, filters.weights, mels[at])
        self._cqt_tuning.add(block.S)
        self._chroma_tuning.add(block.P)

    def _write_chroma_stft(self, y: FloatArray, tuning: float, curves: FloatArray) -> None:
        filters = chroma.chroma_filters(ASSUMED_RATE_HZ, tuning)
        for frames, powers in self._spectrum.powers_again(y):
            chroma.write_chroma_stft(powers, filters, curves[:, frames], self._scratch)

    def _write_harmony(self, y: FloatArray, tuning: float, values: FloatArray) -> None:
        bank = cqt.filter_bank(self._sample_rate_hz, tuning)
        classes = cqt.pitch_classes(y, bank, self._scratch)
        cens = values[ROWS["chroma_cens"]]
        chroma.write_chroma_cqt(classes, values[ROWS["chroma_cqt"]])
        chroma.write_chroma_cens(classes, cens, self._scratch)
        chroma.write_tonnetz(cens, self._projection, values[ROWS["tonnetz"]])
