"""The 518 values: names, agreement with a plain port of FMA's code, and with mathematics."""

import audio_files
import numpy as np
import pytest
from features.audio.decode import load_excerpt
from features.audio.excerpts import Excerpt
from features.fma.frame_features import CURVES, ROWS
from features.fma.vector import (
    COLUMNS,
    NATIVE_VERSION,
    SAMPLE_RATE_HZ,
    excerpt_curves,
    fma_features,
    fma_native_features,
    native_curves,
    version,
)
from fma_reference import fma_reference

# Of one song the scale of a value is not known from others, so what is near to zero is compared as it is.
RELATIVE, ABSOLUTE = 3e-5, 2e-4


def sine(frequency_hz: float, *, seconds: float = 5.0, amplitude: float = 0.5) -> np.ndarray:
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (amplitude * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32)


def assert_equals_reference(y: np.ndarray, relative: float = RELATIVE) -> None:
    reference = fma_reference(y)
    assert set(reference) == set(COLUMNS)
    expected = np.nan_to_num([reference[column] for column in COLUMNS])
    np.testing.assert_allclose(fma_features(y), expected, rtol=relative, atol=ABSOLUTE)


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
    assert version(Excerpt.MIDDLE) == "fma-518/1;excerpt=middle-30s/3"
    assert len({NATIVE_VERSION, *(version(part) for part in Excerpt)}) == 1 + len(Excerpt)


@pytest.mark.parametrize("suffix", audio_files.SUFFIXES)
def test_a_song_of_each_codec_has_the_values_of_a_plain_librosa_port(songs, suffix):
    assert_equals_reference(load_excerpt(str(songs[suffix])).y)


def test_a_song_of_five_seconds_has_the_values_of_a_plain_librosa_port(tmp_path):
    path = audio_files.write_audio(tmp_path / "short.flac", audio_files.music(5.0))
    y = load_excerpt(str(path)).y
    assert y.size == 5 * SAMPLE_RATE_HZ
    assert_equals_reference(y)


@pytest.mark.parametrize(
    ("loudness", "relative"),
    # Squares of the second are at the end of what the reference's single precision can express.
    [(1e-4, RELATIVE), (1e-12, 1e-3)],
    ids=["last bit", "far below"],
)
def test_near_silence_has_the_values_of_a_plain_librosa_port(loudness, relative):
    noise = np.random.default_rng(3).uniform(-loudness, loudness, 5 * SAMPLE_RATE_HZ)
    assert_equals_reference(noise.astype(np.float32), relative)


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
    values = np.median(excerpt_curves(sine(440.0)).values, axis=1)
    curves = {name: values[ROWS[name]] for name in CURVES}
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
        (np.full(SAMPLE_RATE_HZ, -np.inf), "NaN or infinite"),
        (np.eye(1, SAMPLE_RATE_HZ, 5000)[0] * np.nan, "NaN or infinite"),
        (np.full(SAMPLE_RATE_HZ, -1e10), "no sound"),
        (np.zeros(0), "at least one second"),
    ],
    ids=["stereo", "short", "nan", "inf", "minus inf", "one nan", "beyond all sound", "empty"],
)
def test_what_is_no_excerpt_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        fma_features(y)
    with pytest.raises(ValueError, match=message):
        fma_native_features(y, SAMPLE_RATE_HZ)


def test_a_song_at_too_low_a_rate_has_no_native_values():
    with pytest.raises(ValueError, match=r"8000 Hz; at least 8486 Hz"):
        fma_native_features(np.zeros(80_000, dtype=np.float32), 8000)


def test_the_old_loudness_is_45_23_times_the_present_one():
    """Where the first and the last bin are next to nothing."""
    now, old = (
        values[ROWS["rmse"]]
        for values in (
            excerpt_curves(sine(440.0)).values.copy(),
            native_curves(sine(440.0), SAMPLE_RATE_HZ).values,
        )
    )
    np.testing.assert_allclose(old / now, 45.23, rtol=1e-3)


def test_a_song_says_nothing_of_the_one_after_it():
    """Arrays are kept from song to song: a shorter and quieter one after a longer one must not see its remains."""
    y = audio_files.music(7.0, sample_rate_hz=SAMPLE_RATE_HZ, channels=1)[:, 0]
    alone = fma_features(y)
    fma_features(np.tile(audio_files.music(9.0, sample_rate_hz=SAMPLE_RATE_HZ, channels=1, seed=4)[:, 0], 5))
    fma_features(sine(440.0, seconds=3.0))
    np.testing.assert_array_equal(fma_features(y), alone)
