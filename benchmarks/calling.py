"""Calls of the inference service by vectors: latency alone and in a crowd, and songs a second of a stream.

The real Triton, the inference service as a process of its own, a head trained on synthetic vectors, callers in further
processes, all on the same cores.
"""

import asyncio
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
from inference_system import training
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
from runtime.channel import open_channel
from runtime.triton import Triton
from synthetic_library import SyntheticLibrary, synthetic_library
from triton_server import TritonServer, free_port, triton_server

ALONE_CALLS = 500
CROWD_PROCESSES = 2
CROWD_CALLERS = 50
CROWD_RATE = 300.0
CROWD_SECONDS = 15.0
STREAM_SONGS = 20_000
BATCH = 256


def main() -> None:
    """Print each figure with its reference of the same run."""
    library = synthetic_library(seed=5, artists_per_genre=20)
    print("ClassifyTrack and ClassifyTracks by vectors (518 values, 16 genres)")
    with (
        tempfile.TemporaryDirectory() as folder,
        triton_server(Path(folder)) as server,
        inference_service(server) as target,
    ):
        model, version = trained(target, library).split("/")
        straight = Straight(server.target, model, version, library)
        print_latency("one caller, one call after another", alone(target, library))
        print_latency("    the same straight to Triton", straight.alone())
        title = f"{CROWD_CALLERS} callers, {CROWD_RATE:.0f} calls a second in all, open loop"
        print_latency(title, crowd(target))
        print_songs(single=one_by_one(target, library), stream=streamed(target), batches=straight.batches())


@contextmanager
def inference_service(server: TritonServer) -> Iterator[str]:
    """The service as a process; nothing answers where it looks for features, which it does not need."""
    port = free_port()
    values = {
        "PORT": port,
        "TRITON_TARGET": server.target,
        "FEATURES_TARGET": "127.0.0.1:9",
        "MODEL_REPOSITORY": server.repository,
    }
    environment = os.environ | {f"INFERENCE_{name}": str(value) for name, value in values.items()}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, "-m", "inference"], env=environment, stderr=log)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def trained(target: str, library: SyntheticLibrary) -> str:
    """Have the service learn; the version that it serves from then on."""
    with open_channel(target) as channel:
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        (*_, last) = stub.Train(training(library), timeout=300)
    return last.report.stages[0].model_version


class Straight:
    """The reference: the same vectors to Triton without the service between."""

    def __init__(self, target: str, model: str, version: str, library: SyntheticLibrary) -> None:
        self._triton = Triton(target)
        self._model = model
        self._version = version
        self._vectors = library.vectors

    def alone(self) -> list[float]:
        """Seconds of each call."""
        return [seconds(lambda: self._ask(self._vectors[:1])) for _ in range(ALONE_CALLS)]

    def batches(self) -> float:
        """Songs a second."""
        batch = np.resize(self._vectors, (BATCH, self._vectors.shape[1]))
        calls = STREAM_SONGS // BATCH
        return calls * BATCH / seconds(lambda: [self._ask(batch) for _ in range(calls)])

    def _ask(self, vectors: np.ndarray) -> None:
        self._triton.infer(self._model, {"vectors": vectors}, ["logits"], version=self._version)


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def request_for(library: SyntheticLibrary, song: int) -> inference_pb2.ClassifyTrackRequest:
    """A request with the vector of one song."""
    values = library.vectors[song % len(library.vectors)]
    vector = features_pb2.Vector(kind=features_pb2.VECTOR_KIND_FMA, version="test/1", values=values)
    return inference_pb2.ClassifyTrackRequest(vectors=[vector])


def alone(target: str, library: SyntheticLibrary) -> list[float]:
    """Seconds of each of many calls, one after another."""
    with open_channel(target) as channel:
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        requests = [request_for(library, song) for song in range(ALONE_CALLS)]
        stub.ClassifyTrack(requests[0])
        return [seconds(lambda request=request: stub.ClassifyTrack(request)) for request in requests]  # type: ignore[misc] # the default binds the request


def one_by_one(target: str, library: SyntheticLibrary) -> float:
    """Songs a second of calls one after another."""
    return ALONE_CALLS / sum(alone(target, library))


def crowd(target: str) -> list[float]:
    """Seconds of each call of many callers, from the moment when it was due."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(CROWD_PROCESSES) as pool:
        parts = pool.starmap(callers, [(target, seed) for seed in range(CROWD_PROCESSES)])
    return [each for part in parts for each in part]


def callers(target: str, seed: int) -> list[float]:
    """One process of callers, each with a connection of its own."""
    return asyncio.run(call_when_due(target, random.Random(seed)))


async def call_when_due(target: str, chance: random.Random) -> list[float]:
    """Latencies of many callers; the time runs once all of them are connected."""
    library = synthetic_library(seed=5, artists_per_genre=20)
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [
        grpc.aio.insecure_channel(target, options=options) for _ in range(CROWD_CALLERS // CROWD_PROCESSES)
    ]
    callers = [
        Caller(inference_pb2_grpc.InferenceServiceStub(channel), request_for(library, number), chance)
        for number, channel in enumerate(channels)
    ]
    await asyncio.gather(*(caller.ask(time.perf_counter()) for caller in callers))
    took = await asyncio.gather(*(caller.run(time.perf_counter()) for caller in callers))
    await asyncio.gather(*(channel.close() for channel in channels))
    return [each for part in took for each in part]


class Caller:
    """One of many, whose calls come when they are due, whether the one before was answered or not."""

    def __init__(
        self,
        stub: "inference_pb2_grpc.InferenceServiceAsyncStub",
        request: inference_pb2.ClassifyTrackRequest,
        chance: random.Random,
    ) -> None:
        self._stub = stub
        self._request = request
        self._chance = chance

    async def run(self, start: float) -> list[float]:
        """Seconds of each call, from the moment when it was due."""
        calls: list[asyncio.Task[float]] = []
        due = start
        while (due := due + self._chance.expovariate(CROWD_RATE / CROWD_CALLERS)) < start + CROWD_SECONDS:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            calls.append(asyncio.create_task(self.ask(due)))
        return list(await asyncio.gather(*calls))

    async def ask(self, due: float) -> float:
        """Seconds until the answer is there."""
        await self._stub.ClassifyTrack(self._request)
        return time.perf_counter() - due


def streamed(target: str) -> float:
    """Songs a second of one stream, whose caller is a process of its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(stream, (target,))


def stream(target: str) -> float:
    """Songs a second of one stream."""
    library = synthetic_library(seed=5, artists_per_genre=20)
    with open_channel(target) as channel:
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        requests = [
            inference_pb2.ClassifyTracksRequest(key=str(song), track=request_for(library, song))
            for song in range(STREAM_SONGS)
        ]
        stub.ClassifyTrack(requests[0].track)
        started = time.perf_counter()
        answers = sum(1 for _ in stub.ClassifyTracks(iter(requests), timeout=300))
        assert answers == STREAM_SONGS  # noqa: S101 # a benchmark that lost songs would print nonsense
        return answers / (time.perf_counter() - started)


def print_songs(*, single: float, stream: float, batches: float) -> None:
    print(f"ClassifyTracks: {stream:.0f} songs a second", flush=True)
    print(f"    {stream / single:.1f} times ClassifyTrack one by one ({single:.0f})")
    print(f"    {stream / batches:.2f} times Triton alone in batches of {BATCH} ({batches:.0f})")


def print_latency(what: str, took: list[float]) -> None:
    p50, p99 = (1000 * figure for figure in np.percentile(took, [50, 99]))
    print(f"{what}: p50 {p50:.1f} ms, p99 {p99:.1f} ms ({len(took)} calls)", flush=True)
