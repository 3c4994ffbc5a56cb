"""Calls of the inference service by vectors: latency alone and in a crowd, and songs a second of a stream.

The real Triton, the inference service as a process of its own, heads of all three stages trained on synthetic vectors,
callers in further processes, all on the same cores. A song goes on to a later stage when the earlier is unsure, as in
use; how many do is printed, since each stage is a call of Triton more.
"""

import asyncio
import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import grpc
import numpy as np
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
from runtime.channel import open_channel
from runtime.triton import Triton
from synthetic_library import SyntheticLibrary, synthetic_library
from triton_server import triton_server
from wire import packed

from benchmarks.support.services import inference_service
from benchmarks.support.targets import at_least, at_most

ALONE_CALLS = 500
CROWD_PROCESSES = 2
CROWD_CALLERS = 50
CROWD_RATE = 300.0
CROWD_SECONDS = 15.0
STREAM_SONGS = 20_000
BATCH = 256
KINDS = (
    (features_pb2.VECTOR_KIND_FMA, 518),
    (features_pb2.VECTOR_KIND_MERT, 768),
    (features_pb2.VECTOR_KIND_JMLA, 768),
)
TARGET_P50_MS, TARGET_P99_MS = 10.0, 40.0
TARGET_SONGS_A_SECOND = 2000.0


def main() -> None:
    """Print each figure with its reference of the same run."""
    library = songs()
    print(
        "ClassifyTrack and ClassifyTracks by vectors (518 + 768 + 768 values, 16 genres), three stages installed"
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        triton_server(Path(folder)) as server,
        inference_service(server.repository, server.target) as service,
    ):
        target = service.target
        model, version = trained(target, library).split("/")
        print_shares(target, library)
        straight = Straight(server.target, model, version, library)
        took = alone(target, library)
        print_latency("one caller, one call after another", took)
        print_latency("    the first stage's head straight to Triton", straight.alone())
        title = f"{CROWD_CALLERS} callers, {CROWD_RATE:.0f} calls a second in all, open loop"
        in_crowd = crowd(target)
        print_latency(title, in_crowd)
        stream = streamed(target)
        print_songs(single=len(took) / sum(took), stream=stream, batches=straight.batches())
        print(
            f"    every song by all three stages: {streamed(target, 1.0, 1.0):.0f} songs a second", flush=True
        )
        of_folds = streamed(target, of_learned_artists=True)
        print(
            f"    songs of artists of the training, by heads of all folds: {of_folds:.0f} songs a second",
            flush=True,
        )
        print(at_most("p50 with one caller", 1000 * float(np.median(took)), TARGET_P50_MS, "ms"))
        print(at_most("p99 in the crowd", 1000 * float(np.percentile(in_crowd, 99)), TARGET_P99_MS, "ms"))
        print(at_least("ClassifyTracks", stream, TARGET_SONGS_A_SECOND, "songs a second"))


def songs() -> SyntheticLibrary:
    """Songs whose values are those of all stages, one after the other; every other artist is learned from."""
    return synthetic_library(seed=5, artists_per_genre=40, width=sum(width for _, width in KINDS))


def is_learned(library: SyntheticLibrary, song: int) -> bool:
    """Whether a song is one of the training; those that are asked for are not."""
    return bool(library.artists[song] % 2 == 0)


def trained(target: str, library: SyntheticLibrary) -> str:
    """Have the service learn all stages; the head that it serves of the first from then on."""
    with open_channel(target) as channel:
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        (*_, last) = stub.Train(training(library), timeout=900)
    stages = last.report.stages
    assert len(stages) == len(KINDS), "a stage was not learned"  # noqa: S101 # the figures would be of fewer
    head: str = stages[0].model_version
    return head


def training(library: SyntheticLibrary) -> Iterator[inference_pb2.TrainRequest]:
    """The messages of a training on all songs, with the vectors of every stage."""
    options = inference_pb2.TrainOptions(seed=1, promotion=inference_pb2.PROMOTION_ALWAYS)
    yield inference_pb2.TrainRequest(options=options)
    for song, label in enumerate(library.labels):
        if not is_learned(library, song):
            continue
        message = inference_pb2.TrainingSong(
            song_id=f"song {song}",
            genre=library.genres[label],
            artist=f"artist {library.artists[song]}",
            vectors=vectors_of(library, song),
        )
        yield inference_pb2.TrainRequest(song=message)


def print_shares(target: str, library: SyntheticLibrary) -> None:
    """How many songs each stage has the last word on."""
    with open_channel(target) as channel:
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        asked = range(len(library.labels) // 2)
        deciding = [stub.ClassifyTrack(request_for(library, song)).deciding_stage for song in asked]
    shares = np.bincount(deciding, minlength=len(KINDS) + 1)[1:] / len(deciding)
    said = ", ".join(f"stage {number} {share:.0%}" for number, share in enumerate(shares, 1))
    print(f"decided by {said}", flush=True)


class Straight:
    """The reference: the same vectors to Triton without the service between."""

    def __init__(self, target: str, model: str, version: str, library: SyntheticLibrary) -> None:
        self._triton = Triton(target)
        self._model = model
        self._version = version
        self._vectors = np.ascontiguousarray(library.vectors[:, : KINDS[0][1]])

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


def request_for(
    library: SyntheticLibrary,
    song: int,
    options: inference_pb2.ClassifyOptions | None = None,
    *,
    of_learned_artist: bool = False,
) -> inference_pb2.ClassifyTrackRequest:
    """A request with the vectors of one song, which was not learned from, by an artist who was not, or was."""
    held_out = np.flatnonzero(library.artists % 2)
    own = int(held_out[song % len(held_out)])
    artist = f"artist {library.artists[own] - 1}" if of_learned_artist else ""
    vectors = vectors_of(library, own)
    return inference_pb2.ClassifyTrackRequest(vectors=vectors, options=options, artist=artist)


def vectors_of(library: SyntheticLibrary, song: int) -> list[features_pb2.Vector]:
    """The vector of each kind."""
    vectors, start = [], 0
    for kind, width in KINDS:
        values = library.vectors[song][start : start + width]
        vectors.append(features_pb2.Vector(kind=kind, version="test/1", values=packed(values)))
        start += width
    return vectors


def alone(target: str, library: SyntheticLibrary) -> list[float]:
    """Seconds of each of many calls, one after another."""
    with open_channel(target) as channel:
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        requests = [request_for(library, song) for song in range(ALONE_CALLS)]
        stub.ClassifyTrack(requests[0])
        return [seconds(lambda request=request: stub.ClassifyTrack(request)) for request in requests]  # type: ignore[misc] # the default binds the request


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
    library = songs()
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


def streamed(target: str, *thresholds: float, of_learned_artists: bool = False) -> float:
    """Songs a second of one stream, whose caller is a process of its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(stream, (target, thresholds, of_learned_artists))


def stream(target: str, thresholds: Sequence[float], of_learned_artists: bool) -> float:
    """Songs a second of one stream, with these thresholds of the stages (none: the usual ones)."""
    options = inference_pb2.ClassifyOptions(stage_thresholds=thresholds)
    library = songs()
    with open_channel(target) as channel:
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        requests = [
            inference_pb2.ClassifyTracksRequest(
                key=str(song), track=request_for(library, song, options, of_learned_artist=of_learned_artists)
            )
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
    print(f"    {stream / batches:.2f} times the first head alone in batches of {BATCH} ({batches:.0f})")


def print_latency(what: str, took: list[float]) -> None:
    p50, p99 = (1000 * figure for figure in np.percentile(took, [50, 99]))
    print(f"{what}: p50 {p50:.1f} ms, p99 {p99:.1f} ms ({len(took)} calls)", flush=True)
