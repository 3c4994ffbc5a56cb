"""The features service under load: songs a second with all processes busy, beside one process that works alone.

The songs are MP3s of four minutes at 320 kb/s. The alone one runs the same work without service, pool and socket. Both
take turns.
"""

import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import grpc
from features.workers.extraction import extract, warm_up
from features.workers.pool import WORKER_ENVIRONMENT
from processes import free_port, process_of
from reclass.features.v1 import features_pb2, features_pb2_grpc
from runtime.channel import open_channel

from benchmarks.features.extraction import FORMATS, make_song
from benchmarks.support.targets import at_least

SONGS = 8
ROUNDS = 3
ALONE_SONGS = 40
WANTED_SHARE = 0.85
CORES = len(os.sched_getaffinity(0))
LOAD_SONGS = 60 * CORES
# Enough that no process ever waits for the next call.
CALLERS = 2 * CORES


def main() -> None:
    """Print songs a second of both, and the share that is reached."""
    os.environ.update(WORKER_ENVIRONMENT)
    with tempfile.TemporaryDirectory() as folder:
        paths = [make_song(Path(folder), FORMATS[0], seed) for seed in range(SONGS)]
        with (
            ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone,
            features_service(Path(folder), CORES) as target,
        ):
            alone.submit(warm_up).result()
            rounds = [
                (alone.submit(songs_alone, paths).result(), songs_under_load(target, paths))
                for _ in range(ROUNDS)
            ]
    one, all_of_them = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    print(f"one process alone: {one:.1f} songs a second; the service with {CORES}: {all_of_them:.1f}")
    share = all_of_them / (CORES * one)
    print(at_least(f"features service, {CORES} processes busy", share, WANTED_SHARE, "of as many alone"))


@contextmanager
def features_service(folder: Path, processes: int) -> Iterator[str]:
    """The service as a process of its own, ready; where it listens."""
    port = free_port()
    values = {"PORT": port, "MEDIA_FOLDERS": folder, "PROCESSES": processes, "SYNC_TARGET": ""}
    with process_of("features", **{f"FEATURES_{name}": value for name, value in values.items()}):
        yield f"127.0.0.1:{port}"


def songs_alone(paths: list[Path]) -> float:
    started = time.perf_counter()
    for path in itertools.islice(itertools.cycle(paths), ALONE_SONGS):
        extract(str(path), with_fma=True)
    return ALONE_SONGS / (time.perf_counter() - started)


def songs_under_load(target: str, paths: list[Path]) -> float:
    """Songs a second between the first and the last answer, when every process is at work."""
    with open_channel(target) as channel, ThreadPoolExecutor(CALLERS) as callers:
        grpc.channel_ready_future(channel).result(timeout=120)
        stub = features_pb2_grpc.FeatureServiceStub(channel)

        def ask(path: Path) -> float:
            stub.Extract(
                features_pb2.ExtractRequest(
                    audio=features_pb2.AudioReference(path=str(path)),
                    kinds=[features_pb2.VECTOR_KIND_FMA],
                ),
                timeout=300,
            )
            return time.perf_counter()

        answered = list(callers.map(ask, itertools.islice(itertools.cycle(paths), LOAD_SONGS)))
    return (LOAD_SONGS - 1) / (max(answered) - min(answered))
