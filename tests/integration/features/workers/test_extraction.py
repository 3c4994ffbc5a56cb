"""Whole songs at their own rate, in the processes of the pool and their memory."""

from collections.abc import Iterator
from pathlib import Path

import audio_files
import numpy as np
import pytest
import soundfile
from features.audio.excerpts import Excerpt
from features.errors import DamagedError, TooLongError
from features.fma.vector import native_curves, unfilled_features
from features.workers.extraction import extract
from features.workers.pool import ExtractionPool
from fma_reference import fma_reference


@pytest.fixture(scope="module")
def pool() -> Iterator[ExtractionPool]:
    pool = ExtractionPool(processes=1, time_limit_seconds=120.0)
    pool.warm_up()
    yield pool
    pool.close()


def test_ten_minutes_in_stereo_fit_into_the_limit(pool: ExtractionPool, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.flac", np.tile(audio_files.music(10.0), (60, 1)), 44_100)
    extraction = pool.wait(
        pool.schedule(str(tmp_path / "song.flac"), with_fma=True, with_fma_native=True), None
    )
    assert extraction.fma_native is not None
    assert extraction.fma_native.shape == (518,)
    assert np.isfinite(extraction.fma_native).all()
    assert not np.array_equal(extraction.fma_native, extraction.fma)


def test_a_whole_song_has_the_values_of_its_samples(pool: ExtractionPool, tmp_path: Path) -> None:
    samples = audio_files.music(40.0)
    soundfile.write(tmp_path / "song.wav", samples, 44_100, subtype="FLOAT")
    extraction = pool.wait(
        pool.schedule(str(tmp_path / "song.wav"), with_fma=False, with_fma_native=True), None
    )
    y = (samples[:, 0] + samples[:, 1]) * np.float32(0.5)
    assert extraction.fma_native is not None
    # This process's BLAS has other threads, and adds up in another order.
    here = np.nan_to_num(unfilled_features(native_curves(y, 44_100)))
    np.testing.assert_allclose(extraction.fma_native, here, rtol=1e-5, atol=1e-6)
    expected = list(fma_reference(y, 44_100, old_rmse=True).values())
    np.testing.assert_allclose(np.sort(extraction.fma_native), np.sort(expected), rtol=1e-3, atol=1e-3)


def test_a_song_at_8_khz_is_analysed_without_them(pool: ExtractionPool, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.wav", audio_files.music(10.0, sample_rate_hz=8000), 8000)
    extraction = pool.wait(
        pool.schedule(str(tmp_path / "song.wav"), with_fma=True, with_fma_native=True), None
    )
    assert extraction.fma is not None
    assert extraction.fma_native is None


def test_a_song_that_is_too_long_to_be_taken_whole_keeps_the_values_of_its_excerpt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "song.wav", audio_files.music(40.0), 44_100)
    path = str(tmp_path / "song.wav")
    for excerpt in (Excerpt.MIDDLE, Excerpt.WHOLE):
        monkeypatch.setattr("features.audio.decode.MAX_KEPT_SAMPLES", 35 * 44_100)
        extraction = extract(path, with_fma=True, with_fma_native=True, excerpt=excerpt)
        assert extraction.fma is not None
        assert extraction.fma_native is None
        assert isinstance(extraction.fma_native_failure, TooLongError)
    with pytest.raises(TooLongError):
        extract(path, with_fma=False, with_fma_native=True)


def test_damage_outside_the_excerpt_costs_the_values_of_the_whole_song_alone(
    pool: ExtractionPool, tmp_path: Path
) -> None:
    path = tmp_path / "song.flac"
    soundfile.write(path, audio_files.music(120.0), 44_100)
    content = bytearray(path.read_bytes())
    start = len(content) * 9 // 10
    content[start : start + len(content) // 20] = bytes(len(content) // 20)
    path.write_bytes(content)
    extraction = pool.wait(pool.schedule(str(path), with_fma=True, with_fma_native=True), None)
    assert extraction.fma is not None
    assert extraction.fma_native is None
    assert isinstance(extraction.fma_native_failure, DamagedError)
