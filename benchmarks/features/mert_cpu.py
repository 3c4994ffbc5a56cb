"""MERT on the processor: a plain loop over songs with transformers against ours, and what Triton adds.

The weights are random, of the published size: time and number formats do not depend on what was learned.
BENCH_MERT="95m 330m" takes the large model too.
"""

import os
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mert_encoder.embedder import Embedder, load_embedder
from mert_encoder.options import read_options
from mert_encoder.precision import least_cosine, multiplies_bf16, read_cpuinfo
from mert_encoder.windows import normalised
from mert_oracle import hubert
from mert_weights import music
from runtime.triton import Triton
from transformers import HubertModel
from trial_weights import write_trial
from triton_server import TritonServer, triton_server

from benchmarks.support.targets import at_least, at_most

ROUNDS = 5
TRITON_ROUNDS = 3
WINDOW = 120_000
WINDOWS = 6
LAYERS = {"95m": (7, 12), "330m": (10, 24)}
RATIO_WITH_BF16, RATIO_WITHOUT = 3.0, 1.7
BATCH = 32


def main() -> None:
    """Print seconds a song of each way, and whether the targets are reached."""
    sizes = os.environ.get("BENCH_MERT", "95m").split()
    torch.set_num_threads(os.cpu_count() or 1)
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_trial(Path(folder), size)
            compare(Path(folder), size)
    with tempfile.TemporaryDirectory() as folder:
        measure_triton(Path(folder))


def compare(weights: Path, size: str) -> None:
    layer, deepest = LAYERS[size]
    reference = hubert(weights, attention="eager")
    ours = {
        "all layers": embedder_of(weights, f"{layer},{deepest}"),
        f"to layer {layer}": embedder_of(weights, str(layer)),
        f"to layer {layer}, bf16": embedder_of(weights, str(layer), dtype="bf16"),
    }
    song = music(1, WINDOW * WINDOWS)[0]
    ways: dict[str, Callable[[], object]] = {"transformers": lambda: plain(reference, song, layer)}
    for name, each in ours.items():
        ways[name] = lambda each=each: each.embed(song.reshape(WINDOWS, WINDOW)).mean(axis=0)
    seconds = interleaved(ways)
    print(f"MERT-v1-{size.upper()}, seconds for 30 s of audio, median of {ROUNDS}")
    for name, taken in seconds.items():
        note = "fp32, eager, one pass" if name == "transformers" else ours[name].dtype
        print(f"  {name:24}{taken:8.2f}  {note}")
    ratio = RATIO_WITH_BF16 if multiplies_bf16(read_cpuinfo()) else RATIO_WITHOUT
    print(at_least(f"{size} all layers", seconds["transformers"] / seconds["all layers"], ratio, "times"))
    early = seconds["transformers"] / seconds[f"to layer {layer}"]
    print(f"with the early stop: {early:.2f} times")
    found = cosine(reference, ours[f"to layer {layer}"], song, layer)
    print(f"one less the cosine to fp32: {1 - found:.1e}")
    print(at_least("cosine to fp32", found, 0.9999, ""))


def embedder_of(weights: Path, layers: str, dtype: str = "auto") -> Embedder:
    threads = str(os.cpu_count() or 1)
    parameters = {
        "weights": str(weights),
        "layers": layers,
        "device": "cpu",
        "dtype": dtype,
        "threads": threads,
    }
    return load_embedder(read_options(parameters, {}), batch_limit=WINDOWS, log=lambda _: None)


def plain(reference: HubertModel, song: np.ndarray, layer: int) -> np.ndarray:
    """What one finds in most scripts: the whole clip, every hidden state, one layer's mean."""
    y = normalised(torch.from_numpy(song)[None])
    with torch.inference_mode():
        states = reference(y, output_hidden_states=True).hidden_states
    return np.asarray(states[layer][0].mean(dim=0))


def cosine(reference: HubertModel, ours: Embedder, song: np.ndarray, layer: int) -> float:
    """The least over windows, against transformers in single precision on the same windows."""
    pcm = song.reshape(WINDOWS, WINDOW)
    with torch.inference_mode():
        states = reference(normalised(torch.from_numpy(pcm)), output_hidden_states=True).hidden_states
    return least_cosine(torch.from_numpy(ours.embed(pcm)[:, 0]), states[layer].mean(dim=1))


def interleaved(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of each, after one round that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(ROUNDS + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if number:
                taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in taken.items()}


def measure_triton(folder: Path) -> None:
    """A call of 32 windows to a real server, less the time that its model says it has spent."""
    for size in ("95m", "tiny-95m"):
        write_trial(folder / size, size)
        with triton_server(folder / f"triton-{size}", {"TRITON_MERT_WEIGHTS": str(folder / size)}) as server:
            own, added = called(server)
        print(f"Triton, {size}, {BATCH} windows: model {own:.3f} s, added {added * 1000:.0f} ms")
        if size == "95m":
            print(at_most("what Triton adds to 95m on this processor", 100 * added / own, 15, "%"))


def called(server: TritonServer) -> tuple[float, float]:
    """Median seconds of the model itself, and of all that is around it."""
    triton = Triton(server.target, timeout_seconds=300)
    triton.load("mert")
    pcm = music(BATCH, WINDOW)
    own, added = [], []
    triton.infer("mert", {"windows": pcm}, ["embedding"])  # reads the weights, and begins to count its time
    for _ in range(TRITON_ROUNDS):
        before, began = spent(server.metrics_url), time.perf_counter()
        triton.infer("mert", {"windows": pcm}, ["embedding"])
        whole, model = time.perf_counter() - began, spent(server.metrics_url) - before
        own.append(model)
        added.append(whole - model)
    triton.close()
    return statistics.median(own), statistics.median(added)


def spent(url: str) -> float:
    """Seconds that the model has worked."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  our own server
        for line in answer.read().decode().splitlines():
            if line.startswith("reclass_mert_seconds_total "):
                return float(line.split()[1])
    raise RuntimeError("the model has no metric of its time")
