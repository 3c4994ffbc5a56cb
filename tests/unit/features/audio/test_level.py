"""An excerpt is the song: no silence between hidden tracks, no residue of channels that cancel each other out."""

from pathlib import Path

import audio_files
import numpy as np
import pytest
import soundfile
from features.audio.decode import NATIVE, load_excerpt
from features.audio.excerpts import Excerpt
from features.audio.level import LevelMeter
from features.embeddings.mert.windows import PcmWindows
from features.errors import SilentError
from features.fma.vector import fma_features
from features.workers.extraction import extract

RATE = 22_050
WINDOW = 5 * 24_000


def noise(seconds: float, decibels: float, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).standard_normal((round(seconds * RATE), 2))
    return (samples * 10 ** (decibels / 20)).astype(np.float32)


def written(path: Path, *pieces: np.ndarray, subtype: str = "FLOAT") -> str:
    soundfile.write(path, np.concatenate(pieces), RATE, subtype=subtype)
    return str(path)


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    return audio_files.music(60.0, sample_rate_hz=RATE)


@pytest.mark.parametrize("between", [-300.0, -102.0], ids=["digital silence", "dither"])
def test_between_a_song_and_its_hidden_track_another_place_is_taken(tmp_path, music, between):
    music = np.concatenate([music, music[: 10 * RATE]])
    path = written(tmp_path / "song.wav", music, noise(240.0, between), music[: 20 * RATE])
    excerpt = load_excerpt(path, rates=(RATE, NATIVE))
    # The eighth of the way is the first place with sound in it: after the middle and the quarters.
    start = excerpt.properties.excerpt_start_seconds
    assert start == pytest.approx((330 - 30) * 2 / 16, abs=0.001)
    first = round(start * RATE)
    np.testing.assert_array_equal(excerpt.y, music[first : first + 30 * RATE].mean(axis=1))
    np.testing.assert_array_equal(load_excerpt(path).y, excerpt.y)
    vectors = extract(path, with_fma=True, preprocessings={2: PcmWindows(window_samples=WINDOW)})
    assert vectors.fma is not None
    np.testing.assert_array_equal(vectors.fma, fma_features(excerpt.y))
    assert np.abs(vectors.windows[2]).max(axis=1).min() > 30_000


def test_where_no_place_is_half_full_the_fullest_is_taken(tmp_path, music):
    path = written(tmp_path / "song.wav", noise(100.0, -102), music[: 8 * RATE], noise(100.0, -102))
    excerpt = load_excerpt(path)
    assert np.abs(excerpt.y).max() > 0.1
    start = excerpt.properties.excerpt_start_seconds
    assert start < 105 < start + 30


@pytest.mark.parametrize("part", Excerpt)
def test_a_song_without_a_sound_is_silent(tmp_path, part):
    with pytest.raises(SilentError, match="nothing that can be heard"):
        load_excerpt(written(tmp_path / "song.wav", noise(40.0, -102)), part)


def test_a_silent_beginning_gives_way_to_what_comes_next(tmp_path, music):
    path = written(tmp_path / "song.wav", noise(40.0, -102), music)
    excerpt = load_excerpt(path, Excerpt.FIRST)
    assert excerpt.properties.excerpt_start_seconds == pytest.approx(70 * 8 / 16, abs=0.001)
    # The whole song is taken with its silence.
    assert load_excerpt(path, Excerpt.WHOLE).y.size == 100 * RATE


@pytest.mark.parametrize("name", ["song.wav", "song.mp3", "song.m4a", "song.opus"])
def test_an_inverted_channel_does_not_cancel_the_song(tmp_path, name):
    rate = 48_000 if name.endswith("opus") else 44_100
    # More than an excerpt where that costs little: the others take long to encode.
    samples = audio_files.music(40.0 if name.endswith("wav") else 12.0, sample_rate_hz=rate)
    inverted = samples * np.array([1, -1], dtype=np.float32)
    left = np.repeat(samples[:, :1], 2, axis=1)
    paths = [
        audio_files.write_audio(tmp_path / f"{number}{name}", each, sample_rate_hz=rate)
        for number, each in enumerate((inverted, left))
    ]
    decoded, expected = (load_excerpt(str(path)) for path in paths)
    assert decoded.properties.excerpt_start_seconds == pytest.approx(
        expected.properties.excerpt_start_seconds, abs=0.03
    )
    found, wanted = (
        np.abs(np.fft.rfft(each.y, norm="forward"))[: each.y.size // 11] for each in (decoded, expected)
    )
    assert np.corrcoef(found, wanted)[0, 1] > 0.98
    assert np.std(decoded.y) == pytest.approx(np.std(expected.y), rel=0.1)


def test_of_channels_that_cancel_the_louder_is_taken_only_where_it_is_much_louder(tmp_path, music):
    left, right = music[: 10 * RATE, 0], music[: 10 * RATE, 1]
    for scale, expected in ((-1.2, left), (-1.6, right * np.float32(-1.6))):
        both = np.stack([left, right * np.float32(scale)], axis=1)
        path = written(tmp_path / "song.wav", both)
        np.testing.assert_array_equal(load_excerpt(path).y, expected)


@pytest.mark.parametrize("width", [0.0, 0.5, 1.0])
def test_of_ordinary_stereo_the_mean_is_taken(tmp_path, music, width):
    """From one signal in both channels to two that have nothing in common."""
    other = audio_files.music(60.0, sample_rate_hz=RATE, seed=2)[:, 0]
    left = music[:, 0]
    right = (1 - width) * left + width * other
    samples = np.stack([left, right.astype(np.float32)], axis=1)
    excerpt = load_excerpt(written(tmp_path / "song.wav", samples))
    assert excerpt.properties.excerpt_start_seconds == pytest.approx(15.0)
    middle = samples[15 * RATE : 45 * RATE]
    np.testing.assert_array_equal(excerpt.y, (middle[:, 0] + middle[:, 1]) * np.float32(0.5))


def test_the_level_is_the_same_in_however_many_blocks_it_comes(music):
    meters = [LevelMeter(RATE) for _ in range(2)]
    samples = np.concatenate([music[: 3 * RATE], np.zeros((2 * RATE, 2), dtype=np.float32)])
    mean = samples.mean(axis=1)
    meters[0].add(samples, mean)
    for start in range(0, len(samples), 12_345):
        meters[1].add(samples[start : start + 12_345], mean[start : start + 12_345])
    one, many = (meter.result() for meter in meters)
    assert one.audible_share == many.audible_share == pytest.approx(3 / 5)
    assert one.only_channel is many.only_channel is None


@pytest.mark.parametrize(
    ("offset", "beside"),
    [(0.02, -300.0), (-1 / 128, -300.0), (0.4, -102.0)],
    ids=["still", "one bit of eight", "dither"],
)
def test_an_inaudible_offset_is_silence(tmp_path, offset, beside):
    samples = noise(40.0, beside) + np.float32(offset)
    with pytest.raises(SilentError):
        load_excerpt(written(tmp_path / "song.wav", samples))


def test_silence_of_eight_bits_has_an_offset_of_one_and_is_silence(tmp_path):
    samples = np.full((40 * RATE, 2), -1 / 128, dtype=np.float32)
    with pytest.raises(SilentError):
        load_excerpt(written(tmp_path / "song.wav", samples, subtype="PCM_U8"))


def test_between_a_song_and_its_hidden_track_a_click_in_each_second_is_no_song(tmp_path, music):
    clicks = noise(240.0, -300)
    clicks[:: RATE // 2] = 0.9
    excerpt = load_excerpt(written(tmp_path / "song.wav", music, clicks, music[: 20 * RATE]))
    assert excerpt.properties.excerpt_start_seconds < 60


def test_with_an_offset_inverted_channels_cancel_each_other_out_all_the_same(tmp_path, music):
    inverted = music * np.array([0.5, -0.5], dtype=np.float32) + np.float32(0.3)
    inverted[:, 1] = np.float32(0.6) - inverted[:, 0]
    y = load_excerpt(written(tmp_path / "song.wav", inverted)).y
    assert np.std(y) > 0.03


def test_music_with_an_offset_is_music(tmp_path, music):
    quiet = music * np.float32(10 ** (-45 / 20)) + np.float32(0.5)
    assert load_excerpt(
        written(tmp_path / "song.wav", quiet)
    ).properties.excerpt_start_seconds == pytest.approx(15.0)
