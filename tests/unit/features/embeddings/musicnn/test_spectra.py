"""MusiCNN's mel spectra are librosa's, of windows that lie evenly over the excerpt."""

import librosa
import numpy as np
import pytest
from audio_files import music
from features.embeddings.musicnn.spectra import BANDS, FRAMES, SAMPLE_RATE_HZ, WINDOWS, MelWindows, starts

SECOND = SAMPLE_RATE_HZ


def reference(y: np.ndarray) -> np.ndarray:
    """[windows, frames, bands] in half precision, by librosa."""
    mel = librosa.feature.melspectrogram(y=y, sr=SAMPLE_RATE_HZ, n_fft=512, hop_length=256, n_mels=96).T
    return np.stack([mel[start : start + FRAMES] for start in starts(len(mel))]).astype(np.float16)


def ours(y: np.ndarray) -> np.ndarray:
    found = MelWindows().windows(y)
    assert (found.shape, found.dtype) == ((WINDOWS, FRAMES * BANDS), np.float16)
    return found.reshape(WINDOWS, FRAMES, BANDS)


def sounds() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(16)
    t = np.arange(30 * SECOND) / SECOND
    song = music(30.0, sample_rate_hz=SAMPLE_RATE_HZ).mean(axis=1)
    return {
        "music": song,
        "quiet music": song * 1e-3,
        "noise": draw.normal(0, 0.2, 30 * SECOND),
        "a loud sine with hiss 80 dB below": np.sin(2 * np.pi * 220 * t) + draw.normal(0, 1e-4, t.size),
        "five seconds": draw.normal(0, 0.2, round(4.95 * SECOND)),
        "a click": np.eye(1, 20 * SECOND, 7 * SECOND)[0],
    }


@pytest.mark.parametrize("name", sounds())
def test_they_are_librosas_but_for_values_on_the_border_of_two_roundings(name: str) -> None:
    y = sounds()[name].astype(np.float32)
    found, wanted = ours(y), reference(y)
    differs = found != wanted
    assert differs.mean() < 0.005
    # Neighbours in half precision: their bits count up.
    steps = np.abs(found.view(np.int16).astype(int) - wanted.view(np.int16).astype(int))
    assert steps.max() <= 1


def test_silence_is_zero() -> None:
    assert not ours(np.zeros(30 * SECOND, dtype=np.float32)).any()


def test_absurd_samples_become_the_largest_number() -> None:
    found = ours(
        np.full(10 * SECOND, 1e6, dtype=np.float32) * np.tile([1, -1], 5 * SECOND).astype(np.float32)
    )
    assert np.isfinite(found).all()
    assert found.max() == np.finfo(np.float16).max


def test_the_first_window_begins_with_the_excerpt_and_the_last_ends_with_it() -> None:
    for frames in (313, 314, 1000, 1876):
        found = starts(frames)
        assert (found[0], found[-1] + FRAMES, len(found)) == (0, frames, WINDOWS)
        gaps = np.diff(found)
        assert gaps.max() - gaps.min() <= 1


def test_an_excerpt_shorter_than_a_window_is_repeated() -> None:
    found = ours(np.random.default_rng(1).normal(0, 0.2, SECOND).astype(np.float32))
    assert np.isfinite(found).all()
    assert found[-1, -1].any()


@pytest.mark.parametrize("y", [np.zeros(0, dtype=np.float32), np.zeros((2, 100), dtype=np.float32)])
def test_what_is_no_sound_of_one_channel_is_refused(y: np.ndarray) -> None:
    with pytest.raises(ValueError, match="one channel"):
        MelWindows().windows(y)
