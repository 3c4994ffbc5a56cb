"""The processes of the pool, as callers of the service see them die, hang and end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import audio_files
import grpc
import psutil
import pytest
from feature_service import extract, grandchildren
from features.errors import DecoderCrashedError, TimedOutError
from features.workers.pool import ExtractionPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from reclass.features.v1 import features_pb2

pytestmark = pytest.mark.outages


def test_a_caller_without_patience_costs_only_its_own_song(stub, library):
    endless = audio_files.song(library, "mp3", seconds=12.0, name="endless")
    os.truncate(endless, 2**40)
    request = features_pb2.ExtractRequest(audio=features_pb2.AudioReference(path=str(endless)))
    with pytest.raises(grpc.RpcError) as raised:
        stub.Extract(request, timeout=0.5)
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert extract(stub, path=str(library / "song.flac")).content_key


def stopped_worker(pool: ExtractionPool, path: Path, strangers: set[int]):
    """A song in progress and its process, stopped as it reads the file: before and after that it may hold what the
    others need too."""
    for _ in range(20):
        future = pool.schedule(str(path), with_fma=True)
        while not future.done():
            for worker in the_workers(strangers):
                worker.suspend()
                if is_reading(worker, path):
                    return future, worker
                worker.resume()
            time.sleep(0.001)  # polled, since nobody tells when a song is read
        pool.wait(future, 30.0)
    raise AssertionError("no song could be caught in progress")


def the_workers(strangers: set[int]) -> list[psutil.Process]:
    return [process for process in grandchildren() if process.pid not in strangers]


def is_reading(process: psutil.Process, path: Path) -> bool:
    return str(path) in [each.path for each in process.open_files()]


def test_a_process_that_dies_while_it_has_no_song_is_replaced(pool, stub, library, strangers):
    """The kernel looks at memory when it ends one, and not at who is at work; the service says nothing else before."""
    extract(stub, path=str(library / "song.flac"))
    (worker,) = the_workers(strangers)
    worker.kill()
    psutil.wait_procs([worker], timeout=10)
    for _ in range(3):
        assert extract(stub, path=str(library / "song.flac")).content_key


def test_a_process_that_dies_takes_its_own_song_along_and_no_other(pool, library, strangers):
    future, worker = stopped_worker(pool, library / "song.flac", strangers)
    waiting = pool.schedule(str(library / "song.flac"), with_fma=True)
    worker.kill()
    with pytest.raises(DecoderCrashedError, match="the decoder died"):
        pool.wait(future, None)
    assert pool.wait(waiting, 30.0).fma is not None


def test_a_song_over_the_time_limit_is_given_up_and_the_next_one_analysed(pool, library, strangers):
    future, worker = stopped_worker(pool, library / "song.flac", strangers)
    waiting = pool.schedule(str(library / "song.flac"), with_fma=True)
    with pytest.raises(TimedOutError, match="longer than 5 s"):
        pool.wait(future, None)
    assert pool.wait(waiting, 30.0).fma is not None
    assert not worker.is_running()


@contextmanager
def service(library: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m features` with one process, waited for until it serves."""
    port = _free_port()
    environment = {**os.environ, "FEATURES_PORT": str(port), "FEATURES_PROCESSES": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "features"], env=environment | {"FEATURES_MEDIA_FOLDERS": str(library)}
    )
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            health = health_pb2_grpc.HealthStub(channel)
            watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=60, wait_for_ready=True)
            next(state for state in watch if state.status == health_pb2.HealthCheckResponse.SERVING)
        yield process
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@pytest.mark.parametrize(("sent", "exit_code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_the_service_leaves_no_process_behind(library, sent, exit_code):
    with service(library) as process:
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 2
        process.send_signal(sent)
        assert process.wait(timeout=20) == exit_code
    assert psutil.wait_procs(family, timeout=10)[1] == []
