"""The 518 values: names, agreement with a plain port of FMA's code, and with mathematics."""

import audio_files
import numpy as np
import pytest
from features.audio import load_excerpt
from features.excerpts import Part
from features.fma import COLUMNS, SAMPLE_RATE_HZ, feature_curves, fma_features, version
from fma_reference import fma_reference

# Both call librosa on the same samples; the moments run in float32, so sums in another order differ in the last bits.
RELATIVE, ABSOLUTE = 1e-5, 1e-5


def sine(frequency_hz: float, *, seconds: float = 5.0, amplitude: float = 0.5) -> np.ndarray:
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (amplitude * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32)


def assert_equals_reference(y: np.ndarray) -> None:
    reference = fma_reference(y)
    assert set(reference) == set(COLUMNS)
    expected = np.nan_to_num([reference[column] for column in COLUMNS])
    np.testing.assert_allclose(fma_features(y), expected, rtol=RELATIVE, atol=ABSOLUTE)


def test_columns_are_those_of_the_data_set_in_its_order():
    # The header of the published features.csv: feature and how many columns it has, in order.
    published = {
        "chroma_cens": 84,
        "chroma_cqt": 84,
        "chroma_stft": 84,
        "mfcc": 140,
        "rmse": 7,
        "spectral_bandwidth": 7,
        "spectral_centroid": 7,
        "spectral_contrast": 49,
        "spectral_rolloff": 7,
        "tonnetz": 42,
        "zcr": 7,
    }
    assert [feature for feature, _, _ in COLUMNS] == [f for f, n in published.items() for _ in range(n)]
    assert [s for f, s, _ in COLUMNS if f == "zcr"] == [
        "kurtosis",
        "max",
        "mean",
        "median",
        "min",
        "skew",
        "std",
    ]
    assert COLUMNS[:12] == tuple(("chroma_cens", "kurtosis", f"{i:02d}") for i in range(1, 13))
    assert len(set(COLUMNS)) == 518


def test_the_version_names_the_definition_and_the_excerpt():
    assert version(Part.MIDDLE) == "fma-518/1;excerpt=middle-30s"
    assert len({version(part) for part in Part}) == len(Part)


@pytest.mark.parametrize("suffix", audio_files.SUFFIXES)
def test_a_song_of_each_codec_has_the_values_of_a_plain_librosa_port(songs, suffix):
    assert_equals_reference(load_excerpt(str(songs[suffix])).y)


def test_a_song_of_five_seconds_has_the_values_of_a_plain_librosa_port(tmp_path):
    path = audio_files.write_audio(tmp_path / "short.flac", audio_files.music(5.0))
    y = load_excerpt(str(path)).y
    assert y.size == 5 * SAMPLE_RATE_HZ
    assert_equals_reference(y)


@pytest.mark.parametrize("loudness", [1e-4, 1e-12], ids=["last bit", "far below"])
def test_near_silence_has_the_values_of_a_plain_librosa_port(loudness):
    noise = np.random.default_rng(3).uniform(-loudness, loudness, 5 * SAMPLE_RATE_HZ)
    assert_equals_reference(noise.astype(np.float32))


def test_silence_has_the_values_of_a_plain_librosa_port_with_zeros_for_nan():
    assert_equals_reference(np.zeros(5 * SAMPLE_RATE_HZ, dtype=np.float32))


@pytest.mark.parametrize(
    "y",
    [
        np.zeros(SAMPLE_RATE_HZ),
        np.full(SAMPLE_RATE_HZ, 0.5),
        np.sign(sine(100.0)),
        np.eye(1, SAMPLE_RATE_HZ, 5000)[0],
        sine(440.0, amplitude=1e6),
    ],
    ids=["silence", "direct current", "square", "click", "absurdly loud"],
)
def test_every_value_is_finite_whatever_the_signal(y):
    values = fma_features(y.astype(np.float32))
    assert values.shape == (518,)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()


def test_a_sine_has_the_centroid_loudness_crossings_and_pitch_class_that_mathematics_gives():
    curves = {name: np.median(curve, axis=1) for name, curve in feature_curves(sine(440.0)).items()}
    bin_width_hz = SAMPLE_RATE_HZ / 2048
    assert curves["spectral_centroid"][0] == pytest.approx(440.0, abs=bin_width_hz)
    assert curves["spectral_rolloff"][0] == pytest.approx(440.0, abs=2 * bin_width_hz)
    # The spectrum is taken under a Hann window, which leaves 3/8 of the power.
    assert curves["rmse"][0] == pytest.approx(0.5 / np.sqrt(2) * np.sqrt(3 / 8), rel=1e-3)
    assert curves["zcr"][0] == pytest.approx(2 * 440.0 / SAMPLE_RATE_HZ, abs=2 / 2048)
    for chroma in ("chroma_stft", "chroma_cqt", "chroma_cens"):
        assert np.argmax(curves[chroma]) == 9  # A, counted from C


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((2, SAMPLE_RATE_HZ)), "2 dimensions"),
        (np.zeros(SAMPLE_RATE_HZ - 1), "one second"),
        (np.full(SAMPLE_RATE_HZ, np.nan), "NaN or infinite"),
        (np.full(SAMPLE_RATE_HZ, np.inf), "NaN or infinite"),
    ],
    ids=["stereo", "short", "nan", "inf"],
)
def test_what_is_no_excerpt_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        fma_features(y)
