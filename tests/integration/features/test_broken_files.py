"""Broken files, a decoder that hangs and one that is killed, through the running service: each costs its own song."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from features_process import FeaturesProcess, features_process
from fuzzing import Footprint, assert_unharmed, throw
from mutated_files import mutated, sources
from reclass.features.v1 import features_pb2
from runtime.errors import RemoteError
from waiting import until

pytestmark = pytest.mark.outages
FILES = 100
PROCESSES = 2


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return dict(sources(tmp_path_factory.mktemp("originals")))


@pytest.fixture(scope="module")
def song(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "song.flac"
    path.write_bytes(files["a.flac"])
    return path


@pytest.fixture(scope="module")
def service(song: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeaturesProcess]:
    log = tmp_path_factory.mktemp("log") / "stderr"
    with features_process(song.parent, log, processes=PROCESSES, time_limit_seconds=6) as service:
        yield service


@pytest.fixture
def endless(files: dict[str, bytes], song: Path) -> Iterator[list[Path]]:
    """Songs that go on with a terabyte of nothing, as sparse files: FFmpeg looks through all of it for a frame."""
    paths = [song.parent / "endless.mp3", song.parent / "another.mp3"]
    for path in paths:
        path.write_bytes(files["a.mp3"])
        os.truncate(path, 2**40)
    yield paths
    for path in paths:
        path.unlink()


def test_a_hundred_broken_files_harm_nothing(
    service: FeaturesProcess, files: dict[str, bytes], song: Path, say: Callable[[object], None]
) -> None:
    before = Footprint(service, song, PROCESSES)
    outcomes = throw(service, song.parent, mutated(list(files.items()), FILES))
    say(dict(outcomes.most_common()))
    assert_unharmed(service, song, before, PROCESSES)


def at_work(service: FeaturesProcess, path: Path) -> list[psutil.Process]:
    """The processes of the pool that have the file open."""
    return [
        worker for worker in service.workers() if str(path) in {file.path for file in worker.open_files()}
    ]


def test_files_over_which_decoders_hang_cost_themselves_alone(
    service: FeaturesProcess, endless: list[Path], song: Path
) -> None:
    with ThreadPoolExecutor() as callers:
        hanging = [callers.submit(service.extract, path) for path in endless]
        until(lambda: all(at_work(service, path) for path in endless))
        assert service.is_serving()
        waiting = callers.submit(service.extract, song)
        for call in hanging:
            answer = call.result()
            assert isinstance(answer, RemoteError)
            assert (answer.reason, answer.permanent) == ("TIMED_OUT", False)
        assert isinstance(waiting.result(), features_pb2.ExtractResponse)
    assert service.is_serving()


def test_a_decoder_that_is_killed_costs_its_own_song_alone(
    service: FeaturesProcess, endless: list[Path], song: Path
) -> None:
    with ThreadPoolExecutor() as callers:
        dying = callers.submit(service.extract, endless[0])
        until(lambda: at_work(service, endless[0]))
        assert isinstance(service.extract(song), features_pb2.ExtractResponse)
        (worker,) = at_work(service, endless[0])
        worker.kill()
        answer = dying.result()
    assert isinstance(answer, RemoteError)
    assert (answer.reason, answer.permanent) == ("DECODER_CRASHED", False)
    assert service.is_serving()
    assert isinstance(service.extract(song), features_pb2.ExtractResponse)
    until(lambda: len(service.workers()) == PROCESSES)
