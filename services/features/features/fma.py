"""The 518 values that describe a song in the FMA data set: 74 curves over time, seven moments of each.

The definition is `features.py` of the data set (https://github.com/mdeff/fma), written for librosa 0.5,
carried over to librosa 0.11 on an excerpt at 22,050 Hz. What had to be decided on the way:

* `chroma_cqt` and `chroma_cens` are told that the transform has 12 bins an octave. librosa's default is 36 by
  now, which silently gives other chroma.
* The constant-Q transform is tuned from magnitudes and `chroma_stft` from powers, as librosa does by itself;
  the two estimates differ.
* `rmse` keeps its name and holds librosa's present `rms`. That of 0.5 was larger by the factor 45.23 (the
  scaling of the spectrum), which no standardised model can see.
* Moments of constant curves: skewness and kurtosis are 0/0. They are 0 here, the value of a normal
  distribution, so that every vector is finite for the database and the models.
"""

# ruff: noqa: N803, N806 - S is the field's own name for a spectrogram

import warnings
from collections.abc import Mapping

import librosa
import numpy as np
import numpy.typing as npt

from features.excerpts import Part

FloatArray = npt.NDArray[np.floating]

SAMPLE_RATE_HZ = 22_050
DEFINITION = "fma-518/1"

N_FFT = 2048
HOP_LENGTH = 512
N_CHROMA = 12
N_OCTAVES = 7

CURVES: Mapping[str, int] = {
    "chroma_stft": N_CHROMA,
    "chroma_cqt": N_CHROMA,
    "chroma_cens": N_CHROMA,
    "tonnetz": 6,
    "mfcc": 20,
    "rmse": 1,
    "zcr": 1,
    "spectral_centroid": 1,
    "spectral_bandwidth": 1,
    "spectral_contrast": 7,
    "spectral_rolloff": 1,
}
STATISTICS = ("mean", "std", "skew", "kurtosis", "median", "min", "max")

COLUMNS: tuple[tuple[str, str, str], ...] = tuple(
    sorted(
        (feature, statistic, f"{number:02d}")
        for feature, size in CURVES.items()
        for statistic in STATISTICS
        for number in range(1, size + 1)
    )
)
"""Name of each value: feature, statistic, number from "01"; in the data set's own (sorted) order."""


def version(part: Part) -> str:
    """Everything that changes the values: vectors of two versions are never mixed."""
    return f"{DEFINITION};excerpt={part}"


def fma_features(y: FloatArray) -> npt.NDArray[np.float32]:
    """The 518 values of an excerpt, in the order of `COLUMNS`.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        mono, float32 in [-1, 1] at 22,050 Hz; at least one second

    Returns
    -------
    np.ndarray [shape=(518,)], float32, finite

    Raises
    ------
    ValueError
        if `y` is not one channel, is shorter than a second, or holds NaN or infinity
    """
    _check(y)
    moments: dict[tuple[str, str], FloatArray] = {}
    for feature, curves in feature_curves(y).items():
        for statistic, values in _moments(curves).items():
            moments[feature, statistic] = values
    return np.array([moments[f, s][int(number) - 1] for f, s, number in COLUMNS], dtype=np.float32)


def feature_curves(y: FloatArray) -> dict[str, FloatArray]:
    """The 74 curves by feature, each [shape=(size, frames)]."""
    # librosa warns of silence and of spectra without a peak; both have defined values, and silence is the
    # caller's to judge.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=UserWarning)
        S = np.abs(librosa.stft(y, n_fft=N_FFT, hop_length=HOP_LENGTH))
        return {**_harmony(y, S), **_timbre(y, S)}


def _check(y: FloatArray) -> None:
    if y.ndim != 1:
        raise ValueError(f"the excerpt has {y.ndim} dimensions; one channel is needed")
    if y.size < SAMPLE_RATE_HZ:
        raise ValueError(
            f"the excerpt has {y.size} samples; at least one second ({SAMPLE_RATE_HZ}) is needed"
        )
    if not np.isfinite(y).all():
        raise ValueError("the excerpt holds NaN or infinite samples")


def _harmony(y: FloatArray, S: FloatArray) -> dict[str, FloatArray]:
    """Chroma of both transforms and the tonal centroids; `S` holds magnitudes."""
    cqt = np.abs(
        librosa.cqt(
            y,
            sr=SAMPLE_RATE_HZ,
            hop_length=HOP_LENGTH,
            bins_per_octave=N_CHROMA,
            n_bins=N_OCTAVES * N_CHROMA,
            # What tuning=None would estimate, without computing the same spectrum again.
            tuning=librosa.estimate_tuning(S=S, sr=SAMPLE_RATE_HZ, bins_per_octave=N_CHROMA),
        )
    )
    cens = librosa.feature.chroma_cens(
        C=cqt, n_chroma=N_CHROMA, n_octaves=N_OCTAVES, bins_per_octave=N_CHROMA
    )
    return {
        "chroma_cqt": librosa.feature.chroma_cqt(
            C=cqt, n_chroma=N_CHROMA, n_octaves=N_OCTAVES, bins_per_octave=N_CHROMA
        ),
        "chroma_cens": cens,
        "tonnetz": librosa.feature.tonnetz(chroma=cens),
        "chroma_stft": librosa.feature.chroma_stft(S=S**2, sr=SAMPLE_RATE_HZ, n_chroma=N_CHROMA),
    }


def _timbre(y: FloatArray, S: FloatArray) -> dict[str, FloatArray]:
    """Loudness, brightness and the shape of the spectrum; `S` holds magnitudes."""
    mel = librosa.feature.melspectrogram(S=S**2, sr=SAMPLE_RATE_HZ)
    return {
        "zcr": librosa.feature.zero_crossing_rate(y, frame_length=N_FFT, hop_length=HOP_LENGTH),
        "rmse": librosa.feature.rms(S=S, frame_length=N_FFT),
        "spectral_centroid": librosa.feature.spectral_centroid(S=S, sr=SAMPLE_RATE_HZ),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(S=S, sr=SAMPLE_RATE_HZ),
        "spectral_contrast": librosa.feature.spectral_contrast(S=S, sr=SAMPLE_RATE_HZ, n_bands=6),
        "spectral_rolloff": librosa.feature.spectral_rolloff(S=S, sr=SAMPLE_RATE_HZ),
        "mfcc": librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20),
    }


def _moments(curves: FloatArray) -> dict[str, FloatArray]:
    """The seven statistics of each curve over time, each [shape=(size,)]."""
    skew, kurtosis = _shape(curves)
    return {
        "mean": np.mean(curves, axis=1),
        "std": np.std(curves, axis=1),
        "skew": skew,
        "kurtosis": kurtosis,
        "median": np.median(curves, axis=1),
        "min": np.min(curves, axis=1),
        "max": np.max(curves, axis=1),
    }


def _shape(curves: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Skewness and excess kurtosis as scipy.stats computes them, step by step; its import alone takes 1.5 s."""
    mean = np.mean(curves, axis=1, keepdims=True)
    deviations = curves - mean
    squares = deviations**2
    m2 = np.mean(squares, axis=1)
    is_constant = m2 <= (np.finfo(m2.dtype).eps * mean[:, 0]) ** 2
    with np.errstate(all="ignore"):
        skew = np.mean(squares * deviations, axis=1) / m2**1.5
        kurtosis = np.mean(squares**2, axis=1) / m2**2 - 3
    return _defined(skew, is_constant), _defined(kurtosis, is_constant)


def _defined(moment: FloatArray, is_constant: npt.NDArray[np.bool_]) -> FloatArray:
    return np.where(is_constant | ~np.isfinite(moment), 0, moment)
