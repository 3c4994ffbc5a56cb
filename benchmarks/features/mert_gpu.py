"""MERT on a GPU: songs a second, and the share of the card's own matrix rate, measured in the same run.

    .venv/bin/python benchmarks/features/mert_gpu.py            # or any Python 3.11 with torch for GPUs and numpy

Weights are random, of the published size: speed and number formats do not depend on what was learned. A song is 30 s of
audio, in six windows of 5 s. Without a GPU it says so and ends with status 0. It takes some five minutes.

  1. The card's rate: the best of several large products of bfloat16 matrices, and of half precision.
  2. For each model, layer and batch size: windows that are on the card already, and windows that come and go.
  3. With decoding: processes decode MP3 files while the card computes; needs the packages of features, as in .venv.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "services" / "triton" / "models" / "mert" / "1"), str(ROOT / "tests" / "support")]

try:
    import numpy as np
    import torch
    from mert_encoder.architecture import Architecture
    from mert_encoder.encoder import Encoder
    from mert_encoder.errors import MertError
    from mert_encoder.precision import candidates, fixed_window, least_cosine, settled
    from mert_encoder.tensors import DIRECTION_NAMES, FOLDED_NAME, GAIN_NAMES, Shape, expected
    from mert_encoder.windows import normalised
    from numpy.typing import NDArray
    from torch import Tensor
except ImportError as error:
    sys.exit(f"this needs torch and numpy ({error}): run it with .venv/bin/python after `make install`")

WINDOW = 120_000
WINDOWS_A_SONG = 6
BATCHES = (1, 2, 4, 8, 16, 32, 64, 96, 128)
MATRIX = 8_192
LEAST_SECONDS = 1.0
REPEATS = 5
AIM_SHARE = 45.0
AIM_COSINE = 0.999
PARTS = {
    "conv_widths": (512,) * 7,
    "conv_kernels": (10, 3, 3, 3, 3, 2, 2),
    "conv_strides": (5, 2, 2, 2, 2, 2, 2),
}
SHARED = {"norm_eps": 1e-5, "position_kernel": 128, "position_groups": 16, "for_trials": True}
MODELS = {
    "330M": Architecture(width=1024, layers=24, heads=16, inner_width=4096, pre_norm=True, **PARTS, **SHARED),
    "95M": Architecture(width=768, layers=12, heads=12, inner_width=3072, pre_norm=False, **PARTS, **SHARED),
}
GENRE_LAYER = {"330M": 10, "95M": 7}


@dataclass(frozen=True, kw_only=True)
class Best:
    """The batch size with the most songs a second."""

    batch: int
    songs_per_second: float


def main() -> int:
    options = arguments()
    if not torch.cuda.is_available():
        print(
            f"torch {torch.__version__} finds no GPU here: nothing was measured. A torch for GPUs and a driver are"
        )
        print("needed; `make install TORCH_BACKEND=auto` installs the first.")
        return 0
    device = torch.device("cuda:0")
    rate = matrix_rates(device)
    for size in options.models:
        for layer in (GENRE_LAYER[size], MODELS[size].layers):
            measure(size, layer, rate, device, options)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure MERT on this machine's GPU.")
    parser.add_argument("--models", nargs="+", choices=sorted(MODELS), default=list(MODELS))
    parser.add_argument("--batches", nargs="+", type=int, default=list(BATCHES), help="windows at once")
    parser.add_argument("--dtype", choices=("auto", "fp16", "bf16", "fp32"), default="auto")
    parser.add_argument(
        "--songs", type=int, default=300, help="decoded while the card computes; 0 leaves it out"
    )
    parser.add_argument("--processes", type=int, default=None, help="that decode; all cores but one")
    return parser.parse_args()


def matrix_rates(device: torch.device) -> float:
    """Print the machine, and give the best rate of products of bfloat16 matrices, in FLOP/s."""
    card = torch.cuda.get_device_properties(device)
    print(
        f"{card.name}, {card.total_memory / 2**30:.0f} GiB, torch {torch.__version__}, {time.strftime('%Y-%m-%d')}"
    )
    rates = {}
    for name, dtype in (("bf16", torch.bfloat16), ("fp16", torch.float16)):
        a, b = (torch.randn(MATRIX, MATRIX, device=device).to(dtype) for _ in range(2))
        rates[name] = 2 * MATRIX**3 / min(timings(lambda a=a, b=b: a @ b, device))
        print(f"matrix rate, {name}, {MATRIX} x {MATRIX}: {rates[name] / 1e12:.0f} TFLOP/s")
    return rates["bf16"]


def timings(action: Callable[[], object], device: torch.device) -> list[float]:
    """Seconds of a call, several times, each over as many calls as take a while."""
    for _ in range(3):  # libraries choose their kernels, and the clock of the card rises
        action()
    torch.cuda.synchronize(device)
    began = time.perf_counter()
    action()
    torch.cuda.synchronize(device)
    calls = max(1, round(LEAST_SECONDS / REPEATS / (time.perf_counter() - began)))
    found = []
    for _ in range(REPEATS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(calls):
            action()
        end.record()
        torch.cuda.synchronize(device)
        found.append(start.elapsed_time(end) / 1000 / calls)
    return found


def measure(size: str, layer: int, rate: float, device: torch.device, options: argparse.Namespace) -> None:
    """All of one model that stops at one layer."""
    architecture = MODELS[size]
    flop = window_flop(architecture, layer)
    exact = Encoder(architecture, random_tensors(architecture, device), [layer])
    try:
        encoder, dtype = settled(exact, candidates(options.dtype, device, ""), device, WINDOW, lambda _: None)
    except MertError as error:
        print(f"\nMERT-v1-{size} to layer {layer}: {error}")
        return
    cosine = cosine_to_single(encoder, exact, device)
    print(
        f"\nMERT-v1-{size} to layer {layer}, {dtype}: {flop * WINDOWS_A_SONG / 1e9:.0f} GFLOP a song, "
        f"cosine {cosine:.6f}"
    )
    del exact
    torch.cuda.empty_cache()
    best = table(encoder, flop, rate, device, options.batches)
    share = 100 * best.songs_per_second * WINDOWS_A_SONG * flop / rate
    print(
        f"best: {best.batch} windows, {best.songs_per_second:.1f} songs/s, {share:.1f} % of the matrix rate"
    )
    print(verdict("cosine to single precision", cosine, AIM_COSINE))
    if size == "330M":
        print(verdict("share of the matrix rate", share, AIM_SHARE))
    if options.songs and layer == GENRE_LAYER[size]:
        with_decoding(encoder, best, device, options)


def verdict(name: str, found: float, wanted: float) -> str:
    return f"target {'reached' if found >= wanted else 'MISSED'}: {name} {found:.4g} (at least {wanted:g})"


def random_tensors(architecture: Architecture, device: torch.device) -> Mapping[str, Tensor]:
    """Values that keep a signal's size, made on the card; the weight norm is multiplied out already."""
    draw = torch.Generator(device).manual_seed(24_000)
    shapes = expected(architecture)
    shapes[FOLDED_NAME] = shapes.pop(DIRECTION_NAMES[0])
    del shapes[GAIN_NAMES[0]]
    return {name: random_tensor(name, shape, draw, device) for name, shape in shapes.items()}


def random_tensor(name: str, shape: Shape, draw: torch.Generator, device: torch.device) -> Tensor:
    values = torch.randn(shape, generator=draw, device=device)
    if name.endswith("bias"):
        return 0.05 * values
    if "norm.weight" in name:
        return 1.0 + 0.1 * values
    gain = 2.0 if "conv_layers" in name else 1.0
    return values * (gain / float(np.prod(shape[1:]))) ** 0.5


def window_flop(architecture: Architecture, layer: int) -> float:
    """Additions and multiplications of one window, as torch's own counter has them; norms and gelus are left out."""
    total, inputs, time_steps = 0.0, 1, WINDOW
    sizes = zip(architecture.conv_widths, architecture.conv_kernels, architecture.conv_strides, strict=True)
    for width, kernel, stride in sizes:
        time_steps = (time_steps - kernel) // stride + 1
        total += 2.0 * time_steps * inputs * kernel * width
        inputs = width
    width, inner = architecture.width, architecture.inner_width
    total += 2.0 * time_steps * width * inputs
    # The convolution over positions makes one frame more than is kept.
    total += (
        2.0
        * (time_steps + 1)
        * width
        * (width // architecture.position_groups)
        * architecture.position_kernel
    )
    block = 2.0 * time_steps * (4 * width**2 + 2 * width * inner) + 4.0 * time_steps**2 * width
    return total + layer * block


def cosine_to_single(encoder: Encoder, exact: Encoder, device: torch.device) -> float:
    """The least over a few windows that differ."""
    pcm = torch.from_numpy(windows(4)).to(device)
    with torch.inference_mode():
        y = normalised(torch.cat([pcm, fixed_window(WINDOW).to(device)]))
        return least_cosine(encoder(y).flatten(0, 1), exact.float()(y).flatten(0, 1))


def windows(count: int) -> NDArray[np.int16]:
    """16-bit PCM that is no silence, and each window another: noise over a tone."""
    draw = np.random.default_rng(count)
    tone = np.sin(2 * np.pi * draw.uniform(50, 2000, size=(count, 1)) * np.arange(WINDOW) / 24_000)
    return (
        np.asarray(8_000 * tone + 4_000 * draw.standard_normal((count, WINDOW)))
        .clip(-32_767, 32_767)
        .astype(np.int16)
    )


def table(encoder: Encoder, flop: float, rate: float, device: torch.device, batches: Sequence[int]) -> Best:
    """A line for each batch size; the best of them without the copies."""
    print(f"{'windows':>8}{'songs/s':>10}{'share %':>9}{'with copies':>13}{'share %':>9}{'peak GiB':>10}")
    found = [Best(batch=0, songs_per_second=0.0)]
    for batch in batches:
        torch.cuda.reset_peak_memory_stats(device)
        try:
            alone, copied = both(encoder, windows(batch), device)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            print(f"{batch:>8}  does not fit into the card's memory")
            continue
        songs = [batch / WINDOWS_A_SONG / seconds for seconds in (alone, copied)]
        shares = [100 * each * WINDOWS_A_SONG * flop / rate for each in songs]
        peak = torch.cuda.max_memory_allocated(device) / 2**30
        print(
            f"{batch:>8}{songs[0]:>10.1f}{shares[0]:>9.1f}{songs[1]:>13.1f}{shares[1]:>9.1f}{peak:>10.1f}",
            flush=True,
        )
        found.append(Best(batch=batch, songs_per_second=songs[0]))
    return max(found, key=lambda each: each.songs_per_second)


def both(encoder: Encoder, pcm: NDArray[np.int16], device: torch.device) -> tuple[float, float]:
    """Median seconds of a batch that is on the card already, and of one that comes and goes as in Triton."""
    there = torch.from_numpy(pcm).to(device)
    with torch.inference_mode():
        alone = timings(lambda: encoder(normalised(there)), device)
        copied = timings(lambda: encoder(normalised(torch.from_numpy(pcm).to(device))).cpu(), device)
    return statistics.median(alone), statistics.median(copied)


def with_decoding(encoder: Encoder, best: Best, device: torch.device, options: argparse.Namespace) -> None:
    """Processes decode 4-minute MP3 files, take their middle 30 s and cut windows; the card takes what is ready."""
    try:
        from audio_files import song
        from features.embeddings.mert.windows import PcmWindows  # noqa: F401  the processes import it by themselves
    except ImportError as error:
        print(f"with decoding: not measured, because the features service is not installed here ({error})")
        return
    processes = options.processes or max(1, len(os.sched_getaffinity(0)) - 1)
    with tempfile.TemporaryDirectory() as folder:
        files = [
            str(song(Path(folder), "mp3", seconds=240.0, seed=seed, name=f"song{seed}")) for seed in range(4)
        ]
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            list(pool.map(decoded, files * processes))  # every process has imported what it needs
            began, busy = time.perf_counter(), 0.0
            waiting = [pool.submit(decoded, files[number % 4]) for number in range(options.songs)]
            for batch in batches_of(waiting, max(1, best.batch // WINDOWS_A_SONG)):
                before = time.perf_counter()
                with torch.inference_mode():
                    encoder(normalised(torch.from_numpy(batch).to(device))).cpu()
                busy += time.perf_counter() - before
            taken = time.perf_counter() - began
    print(
        f"with decoding of 4-minute MP3 in {processes} processes: {options.songs / taken:.1f} songs/s, "
        f"card busy {100 * busy / taken:.0f} % of the time"
    )


def decoded(path: str) -> NDArray[np.int16]:
    """The windows of a file's middle 30 s."""
    from features.audio.decode import load_excerpt
    from features.embeddings.mert.windows import PcmWindows

    return np.asarray(
        PcmWindows(window_samples=WINDOW).windows(load_excerpt(path, rates=(24_000,)).at[24_000])
    )


def batches_of(waiting: Sequence["Future[NDArray[np.int16]]"], songs: int) -> Iterator[NDArray[np.int16]]:
    """What is decoded, in the order it was asked for, at most that many songs at once."""
    for first in range(0, len(waiting), songs):
        yield np.concatenate([each.result() for each in waiting[first : first + songs]])


if __name__ == "__main__":
    sys.exit(main())
