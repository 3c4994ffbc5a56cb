"""MusiCNN: its network against plain matrix products, a file with it against FMA alone, and what Triton leaves of it.

Processor time of one thread, so that neighbours on the machine hardly count; of Triton the share of the time in which
its model computes while many call. Weights: the package musicnn in Triton's environment.
"""

import json
import os
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
from features.audio.decode import load_excerpt
from features.embeddings.musicnn.embedding import MusicnnEmbedding
from features.embeddings.musicnn.spectra import MelWindows
from features.workers.extraction import extract, warm_up
from features.workers.pool import WORKER_ENVIRONMENT
from features_process import FeaturesProcess, features_process
from musicnn_golden import ROOT, WEIGHTS
from reclass.features.v1 import features_pb2
from runtime.triton import Triton
from triton_server import PYTHON, triton_server

from benchmarks.features.extraction import Format, fresh_process, make_song, timed
from benchmarks.support.targets import at_least, at_most

SONGS = int(os.environ.get("BENCH_MUSICNN_SONGS", "8"))
MP3 = Format(name="mp3 320", suffix="mp3", bit_rate=320_000)
KIND = MusicnnEmbedding.card.kind
CALLERS = 6
SECONDS = 6.0
ROUNDS = 3
STREAMED = 40
# 30 s hold ten windows without a gap.
PLAIN_WINDOWS_TIMES = 2


@dataclass(frozen=True, kw_only=True)
class SongCost:
    """Milliseconds of processor time of a song, the model's left out."""

    fma: float
    both: float
    mel: float
    librosa_mel: float


def main() -> None:
    """Print each figure and whether its target is reached."""
    ways = network_ways()
    song = song_cost()
    ours, products = ways["ours"] + song.mel, ways["products"]
    print("five windows, ms of one thread:", ", ".join(f"{name} {ms:.0f}" for name, ms in ways.items()))
    print(f"mel spectra of a song, ms: ours {song.mel:.1f}, librosa {song.librosa_mel:.1f}")
    print(at_most("network and mel", ours / products, 1.6, "times the plain products"))
    other = min((ways[name] for name in ("onnxruntime", "torch") if name in ways), default=ways["ours"])
    plain = PLAIN_WINDOWS_TIMES * other + song.librosa_mel
    print(
        f"ten windows, librosa's mel, and the faster of torch and onnxruntime: {plain / products:.1f} times"
    )
    print(f"file to FMA {song.fma:.0f} ms, with MusiCNN {song.both + ways['ours']:.0f} ms")
    print(at_most("file to FMA and MusiCNN", (song.both + ways["ours"]) / song.fma, 3.4, "times file to FMA"))
    cores = os.cpu_count() or 1
    hours = 100_000 * (song.both + ways["ours"]) / 1000 / 3600 / cores
    print(f"100,000 songs on {cores} cores: {hours:.1f} hours")
    measure_triton()


def network_ways() -> dict[str, float]:
    """Milliseconds of each way to compute the network, with the numpy that serves."""
    here = Path(__file__).with_name("musicnn_ways.py")
    models = ROOT / "services" / "triton" / "models" / "musicnn" / "1"
    # For onnxruntime, where somebody has it: it is no part of any environment here.
    paths = [str(models), *filter(None, [os.environ.get("BENCH_ONNXRUNTIME")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    answer = subprocess.run(
        [PYTHON, here, WEIGHTS], env=environment, capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def song_cost() -> SongCost:
    """The median over songs, in a process as the service has them."""
    with tempfile.TemporaryDirectory() as folder, fresh_process(WORKER_ENVIRONMENT) as own:
        own.submit(warm_up, [MelWindows()]).result()
        costs = []
        for seed in range(SONGS + 1):
            path = own.submit(make_song, Path(folder), MP3, seed).result()
            costs.append(own.submit(measure_song, path).result())
            path.unlink()
    rows = np.median([[each.fma, each.both, each.mel, each.librosa_mel] for each in costs[1:]], axis=0)
    return SongCost(**dict(zip(("fma", "both", "mel", "librosa_mel"), rows.tolist(), strict=True)))


def measure_song(path: Path) -> SongCost:
    fma, _ = timed(lambda: extract(str(path), with_fma=True))
    both, _ = timed(lambda: extract(str(path), with_fma=True, preprocessings={KIND: MelWindows()}))
    y = load_excerpt(str(path), rates=(16_000,)).at[16_000]
    mel, _ = timed(lambda: MelWindows().windows(y))
    plain, _ = timed(
        lambda: librosa.feature.melspectrogram(y=y, sr=16_000, n_fft=512, hop_length=256, n_mels=96)
    )
    return SongCost(fma=fma, both=both, mel=mel, librosa_mel=plain)


def measure_triton() -> None:
    """What Triton takes beside the model, and how many instances serve best while the decoders are at work."""
    with tempfile.TemporaryDirectory() as folder, triton_server(Path(folder) / "triton") as server:
        library = Path(folder) / "library"
        library.mkdir()
        song = make_song(library, MP3, 0)
        triton = Triton(server.target)
        triton.load("musicnn", configuration(1))
        share, windows = saturated(triton)
        print(f"one instance, {CALLERS} callers: {windows:.1f} windows a second")
        print(at_least("through Triton", 100 * share, 85, "% of the time is the model's own"))
        with features_process(library, Path(folder) / "log", triton_target=server.target) as service:
            rates: dict[int, list[float]] = {1: [], 2: []}
            for _ in range(ROUNDS):
                for instances, found in rates.items():
                    triton.load("musicnn", configuration(instances))
                    found.append(songs_a_second(service, song))
        for instances, found in rates.items():
            print(f"{instances} instances, decoders busy too: {statistics.median(found):.2f} songs a second")
        triton.close()


def configuration(instances: int) -> dict[str, object]:
    """The model's own, with so many instances."""
    tensors = {"embedding": ("TYPE_FP32", -1), "description": ("TYPE_STRING", 1), "seconds": ("TYPE_FP32", 1)}
    return {
        "backend": "python",
        "max_batch_size": MusicnnEmbedding.max_batch,
        "input": [{"name": "windows", "data_type": "TYPE_FP16", "dims": [-1]}],
        "output": [
            {"name": name, "data_type": kind, "dims": [size]} for name, (kind, size) in tensors.items()
        ],
        "instance_group": [{"kind": "KIND_CPU", "count": instances}],
        "dynamic_batching": {},
    }


def song_windows() -> np.ndarray:
    return np.random.default_rng(0).gamma(0.5, 0.2, (5, 187 * 96)).astype(np.float16)


def saturated(triton: Triton) -> tuple[float, float]:
    """The share of the time in which the model computes while as many call as keep it busy, and windows a second.

    Both are of one time, so what else the machine does meets both alike.
    """
    windows, own = song_windows(), []
    triton.ask("musicnn", {"windows": windows}, ["embedding"])  # reads the weights
    began = time.monotonic()

    def call() -> None:
        while time.monotonic() < began + SECONDS:
            answer = triton.ask("musicnn", {"windows": windows}, ["embedding", "description", "seconds"])
            own.append(float(answer["seconds"].sum()))

    with ThreadPoolExecutor(CALLERS) as callers:
        for each in [callers.submit(call) for _ in range(CALLERS)]:
            each.result()
    spent = time.monotonic() - began
    return sum(own) / spent, len(own) * len(windows) / spent


def songs_a_second(service: FeaturesProcess, song: Path) -> float:
    """FMA and MusiCNN of one file, again and again, by a stream."""
    request = features_pb2.ExtractRequest(
        audio=features_pb2.AudioReference(path=str(song)),
        kinds=[features_pb2.VECTOR_KIND_FMA, features_pb2.VECTOR_KIND_MUSICNN],
    )
    asked = [features_pb2.ExtractManyRequest(key=str(number), song=request) for number in range(STREAMED)]
    began = time.monotonic()
    answers = list(service.stub.ExtractMany(iter(asked), timeout=300))
    if not all(len(each.extraction.vectors) == 2 for each in answers):
        raise ValueError(f"vectors are missing: {answers[0]}")
    return len(answers) / (time.monotonic() - began)
