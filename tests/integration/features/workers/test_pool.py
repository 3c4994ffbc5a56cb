"""What a decoder does to its process costs its own song and nothing else: real processes, crashes and files."""

import os
import shutil
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import audio_files
import decoders_gone_wrong
import numpy as np
import psutil
import pytest
import soundfile
from features.errors import (
    DecoderCrashedError,
    FeatureError,
    OutOfMemoryError,
    ProcessesLostError,
    SilentError,
    TimedOutError,
)
from features.workers.extraction import Extraction
from features.workers.pool import ExtractionPool
from prometheus_client import CollectorRegistry
from waiting import until

pytestmark = pytest.mark.outages
PROCESSES = 2
PATIENCE_SECONDS = 45.0


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    audio_files.song(folder, "flac", seconds=12.0)
    for name in decoders_gone_wrong.FAULTS:
        shutil.copy(folder / "song.flac", folder / name)
    return folder


@pytest.fixture(scope="module")
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture(scope="module")
def pool(registry: CollectorRegistry) -> Iterator[ExtractionPool]:
    pool = ExtractionPool(
        processes=PROCESSES, time_limit_seconds=6.0, registry=registry, work=decoders_gone_wrong.decode
    )
    pool.warm_up()
    yield pool
    pool.close()


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("segfault.flac", DecoderCrashedError, "exit code -11"),
        ("abort.flac", DecoderCrashedError, "exit code -6"),
        ("hang.flac", TimedOutError, "longer than 6 s"),
        ("eat.flac", OutOfMemoryError, "more than 1024 MiB"),
        ("eat_in_native_code.flac", DecoderCrashedError, "exit code -11"),
    ],
)
def test_a_decoder_gone_wrong_costs_its_own_song_alone(
    pool: ExtractionPool, library: Path, name: str, error: type[FeatureError], says: str
) -> None:
    before = [pool.schedule(str(library / "song.flac"), with_fma=False) for _ in range(PROCESSES)]
    bad = pool.schedule(str(library / name), with_fma=True)
    after = [pool.schedule(str(library / "song.flac"), with_fma=True) for _ in range(2 * PROCESSES)]
    with pytest.raises(error, match=says):
        pool.wait(bad, None)
    keys = {pool.wait(song, 60.0).content_key for song in (*before, *after)}
    assert len(keys) == 1


def test_each_fault_is_counted_and_each_lost_process_replaced(
    pool: ExtractionPool, library: Path, registry: CollectorRegistry
) -> None:
    """Runs after the faults above, of which each one has cost a process."""

    def songs(outcome: str) -> float:
        return registry.get_sample_value("reclass_features_songs_total", {"outcome": outcome}) or 0.0

    before = {outcome: songs(outcome) for outcome in ("extracted", "DECODER_CRASHED", "OUT_OF_MEMORY")}
    for name in ("segfault.flac", "eat.flac"):
        with pytest.raises(FeatureError):
            pool.wait(pool.schedule(str(library / name), with_fma=False), None)
    pool.wait(pool.schedule(str(library / "song.flac"), with_fma=False), None)
    pool.warm_up()
    assert {outcome: songs(outcome) - count for outcome, count in before.items()} == {
        "extracted": 1,
        "DECODER_CRASHED": 1,
        "OUT_OF_MEMORY": 1,
    }
    assert registry.get_sample_value("reclass_features_processes") == PROCESSES
    assert registry.get_sample_value("reclass_features_processes_busy") == 0
    assert registry.get_sample_value("reclass_features_songs_waiting") == 0
    assert (registry.get_sample_value("reclass_features_process_starts_total") or 0) >= PROCESSES + 2
    assert (registry.get_sample_value("reclass_features_song_seconds_count") or 0) == songs("extracted")


def test_a_song_at_work_is_seen_as_such(
    pool: ExtractionPool, library: Path, registry: CollectorRegistry
) -> None:
    songs = [pool.schedule(str(library / "hang.flac"), with_fma=False) for _ in range(PROCESSES + 1)]
    while registry.get_sample_value("reclass_features_processes_busy") != PROCESSES:
        assert not songs[0].done()
    assert registry.get_sample_value("reclass_features_songs_waiting") == 1
    for song in reversed(songs):
        song.cancel()
    pool.warm_up()
    assert (registry.get_sample_value("reclass_features_songs_total", {"outcome": "cancelled"}) or 0) >= 3


def test_a_file_that_does_not_answer_is_given_up(pool: ExtractionPool, tmp_path: Path) -> None:
    """As on a share whose server is gone: the kernel never comes back from opening it."""
    os.mkfifo(tmp_path / "song.flac")
    with pytest.raises(TimedOutError, match="longer than 6 s"):
        pool.wait(pool.schedule(str(tmp_path / "song.flac"), with_fma=True), None)


def test_a_small_file_that_unpacks_to_gigabytes_is_decoded_block_by_block(
    pool: ExtractionPool, tmp_path: Path
) -> None:
    """40 s of 32 channels at 192 kHz, as a sparse file: 1 GB once it is decoded, and next to nothing on the disk."""
    path = tmp_path / "huge.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(32)
        file.setsampwidth(1)
        file.setframerate(192_000)
        file.setnframes(40 * 192_000)
    data_bytes = 40 * 192_000 * 32
    header = bytearray(path.read_bytes())
    header[4:8] = (data_bytes + 36).to_bytes(4, "little")
    header[40:44] = data_bytes.to_bytes(4, "little")
    # Unsigned bytes of zero: one offset from beginning to end.
    path.write_bytes(header)
    os.truncate(path, len(header) + data_bytes)
    assert path.stat().st_blocks * 512 < 10**6
    with pytest.raises(SilentError):  # decoded as far as that it is silence
        pool.wait(pool.schedule(str(path), with_fma=False), None)


def test_eight_channels_at_192_khz_fit_into_the_limit(pool: ExtractionPool, tmp_path: Path) -> None:
    samples = np.zeros((192_000 * 35, 8), dtype=np.int16)
    soundfile.write(tmp_path / "song.flac", samples, 192_000, subtype="PCM_16")
    with pytest.raises(SilentError):  # decoded as far as that it is silence
        pool.wait(pool.schedule(str(tmp_path / "song.flac"), with_fma=True), None)


def test_a_process_that_is_killed_in_the_middle_of_its_answer_holds_up_the_others_for_seconds(
    library: Path,
) -> None:
    """It keeps the lock of the pipe that all answers take, which nobody can give back."""
    long, song = library / "long.flac", str(library / "song.flac")
    shutil.copy(song, long)
    pool = ExtractionPool(processes=2, time_limit_seconds=300.0, work=decoders_gone_wrong.decode)
    with closing(pool):
        cut_off = pool.schedule(str(long), with_fma=False)
        told = long.with_suffix(".pid")
        worker = psutil.Process(int(until(lambda: told.exists() and told.read_text())))
        with no_answers_taken(pool, song):
            told.unlink()
            until(lambda: has_come_to_rest(worker))
            worker.kill()
        with pytest.raises(DecoderCrashedError):
            pool.wait(cut_off, PATIENCE_SECONDS)
        assert answered(pool, song).content_key


@contextmanager
def no_answers_taken(pool: ExtractionPool, song: str) -> Iterator[None]:
    """The thread that takes answers has a callback of a song's to run meanwhile."""
    held, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        held.set()
        go_on.wait()

    pool.schedule(song, with_fma=False).add_done_callback(hold)
    assert held.wait(PATIENCE_SECONDS)
    try:
        yield
    finally:
        go_on.set()


def has_come_to_rest(process: psutil.Process) -> bool:
    """It waits, and not for the next look at a file."""
    before = process.cpu_times(), process.num_ctx_switches()
    time.sleep(0.1)
    return (process.cpu_times(), process.num_ctx_switches()) == before


def answered(pool: ExtractionPool, song: str) -> Extraction:
    """As a caller of the service has it, whose song is scheduled again where the processes were lost."""
    try:
        return pool.wait(pool.schedule(song, with_fma=False), PATIENCE_SECONDS)
    except ProcessesLostError:
        return pool.wait(pool.schedule(song, with_fma=False), PATIENCE_SECONDS)
