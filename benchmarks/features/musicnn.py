"""MusiCNN: its network against plain matrix products, a file with it against FMA alone, and what Triton leaves of it.

Processor time of one thread, so that neighbours on the machine hardly count, but for Triton, whose part is measured in
windows a second beside the model alone in as many processes. Weights: the package musicnn in Triton's environment.
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
from musicnn_golden import ROOT, WEIGHTS
from runtime.triton import Triton
from triton_server import PYTHON, triton_server

from benchmarks.features.extraction import Format, fresh_process, make_song, timed
from benchmarks.support.targets import at_least, at_most

SONGS = int(os.environ.get("BENCH_MUSICNN_SONGS", "8"))
MP3 = Format(name="mp3 320", suffix="mp3", bit_rate=320_000)
KIND = MusicnnEmbedding.card.kind
CALLERS = 6
SECONDS = 6.0
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
    """Songs of five windows from many callers at once, against the model alone in as many processes."""
    with tempfile.TemporaryDirectory() as folder, triton_server(Path(folder)) as server:
        triton = Triton(server.target)
        for instances in (1, 2):
            triton.load("musicnn", configuration(instances))
            triton.ask("musicnn", {"windows": song_windows()}, ["embedding"])
            pairs = [(windows_alone(instances), windows_through(triton)) for _ in range(3)]
            alone, through = (statistics.median(column) for column in zip(*pairs, strict=True))
            print(f"{instances} instances: alone {alone:.1f}, through Triton {through:.1f} windows a second")
            if instances == 1:
                print(at_least("through Triton", 100 * through / alone, 85, "% of the model alone"))
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


def windows_through(triton: Triton) -> float:
    """Windows a second of as many callers as keep it busy."""
    windows, done, ends_at = song_windows(), [], time.monotonic() + SECONDS

    def call() -> None:
        while time.monotonic() < ends_at:
            triton.ask("musicnn", {"windows": windows}, ["embedding", "description", "seconds"])
            done.append(len(windows))

    began = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as callers:
        for each in [callers.submit(call) for _ in range(CALLERS)]:
            each.result()
    return sum(done) / (time.monotonic() - began)


def windows_alone(processes: int) -> float:
    """Windows a second of the model in processes of its own, with nothing around it."""
    models = ROOT / "services" / "triton" / "models" / "musicnn" / "1"
    command = [PYTHON, "-c", ALONE, WEIGHTS, str(SECONDS)]
    environment = os.environ | {"PYTHONPATH": str(models)}
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    return sum(float(each.communicate()[0]) for each in running)


ALONE = """
import sys, time
from pathlib import Path
import numpy as np
from musicnn_network.embedder import load_embedder
from musicnn_network.options import Options
embedder = load_embedder(Options(weights=Path(sys.argv[1])), batch_limit=64)
windows = np.random.default_rng(0).gamma(0.5, 0.2, (5, 187 * 96)).astype(np.float16)
embedder.embed(windows)
began, done = time.monotonic(), 0
while time.monotonic() < began + float(sys.argv[2]):
    done += len(embedder.embed(windows))
print(done / (time.monotonic() - began))
"""
