"""FMA's features.py carried over to present librosa as plainly as can be: what the service is measured against.

Every call stands here as its authors wrote it; only what librosa renamed or redefined since 0.5 is said anew. As in
the original most calls are not told the sampling rate, so the same code is the reference of both makes.
"""

import warnings

import librosa
import numpy as np
from scipy import stats


def fma_reference(
    x: np.ndarray, sr: int = 22_050, *, old_rmse: bool = False
) -> dict[tuple[str, str, str], float]:
    """The 518 values of mono samples by name; NaN where scipy gives NaN. `old_rmse` is loudness as in librosa 0.5."""
    features: dict[tuple[str, str, str], float] = {}

    def feature_stats(name, values):
        columns = {
            "mean": np.mean(values, axis=1),
            "std": np.std(values, axis=1),
            "skew": stats.skew(values, axis=1),
            "kurtosis": stats.kurtosis(values, axis=1),
            "median": np.median(values, axis=1),
            "min": np.min(values, axis=1),
            "max": np.max(values, axis=1),
        }
        for statistic, column in columns.items():
            for i, value in enumerate(column):
                features[name, statistic, f"{i + 1:02d}"] = float(value)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        f = librosa.feature.zero_crossing_rate(x, frame_length=2048, hop_length=512)
        feature_stats("zcr", f)

        cqt = np.abs(librosa.cqt(x, sr=sr, hop_length=512, bins_per_octave=12, n_bins=7 * 12, tuning=None))
        f = librosa.feature.chroma_cqt(C=cqt, n_chroma=12, n_octaves=7, bins_per_octave=12)
        feature_stats("chroma_cqt", f)
        f = librosa.feature.chroma_cens(C=cqt, n_chroma=12, n_octaves=7, bins_per_octave=12)
        feature_stats("chroma_cens", f)
        f = librosa.feature.tonnetz(chroma=f)
        feature_stats("tonnetz", f)

        stft = np.abs(librosa.stft(x, n_fft=2048, hop_length=512))
        f = librosa.feature.chroma_stft(S=stft**2, n_chroma=12)
        feature_stats("chroma_stft", f)
        f = np.sqrt(np.mean(stft**2, axis=0, keepdims=True)) if old_rmse else librosa.feature.rms(S=stft)
        feature_stats("rmse", f)
        f = librosa.feature.spectral_centroid(S=stft)
        feature_stats("spectral_centroid", f)
        f = librosa.feature.spectral_bandwidth(S=stft)
        feature_stats("spectral_bandwidth", f)
        f = librosa.feature.spectral_contrast(S=stft, n_bands=6)
        feature_stats("spectral_contrast", f)
        f = librosa.feature.spectral_rolloff(S=stft)
        feature_stats("spectral_rolloff", f)

        mel = librosa.feature.melspectrogram(sr=sr, S=stft**2)
        f = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20)
        feature_stats("mfcc", f)

    return features


def reference_tunings(x: np.ndarray, sr: int = 22_050) -> tuple[float, float]:
    """What librosa tunes the constant-Q transform by, and `chroma_stft`, which is not told the rate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        powers = np.abs(librosa.stft(x, n_fft=2048, hop_length=512)) ** 2
        return librosa.estimate_tuning(y=x, sr=sr), librosa.estimate_tuning(S=powers)
