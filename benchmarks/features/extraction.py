"""File to 518 values, by format and stage: ours against a plain librosa port of FMA's features.py.

Each has a process of its own, for one would profit from the settings of memory that the other runs with, and they take
turns song by song. Processor time is measured, of one thread, so that neighbours on the machine hardly count.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import av
import librosa
import numpy as np
from audio_files import music, write_audio
from features.audio.decode import load_excerpt
from features.fma.vector import fma_features
from features.workers.extraction import extract, warm_up
from features.workers.pool import WORKER_ENVIRONMENT
from fma_reference import fma_reference

from benchmarks.support.targets import at_least, at_most

T = TypeVar("T")

SONGS = int(os.environ.get("BENCH_EXTRACTION_SONGS", "20"))
SECONDS = 240.0
PIECES = 10
EXCERPT_SECONDS = 30.0
# Read by libsndfile and so by librosa; the rest librosa would leave to an ffmpeg program.
SNDFILE_SUFFIXES = (".mp3", ".flac", ".wav", ".ogg", ".opus")


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of file, and how much faster than the port it is to become a vector."""

    name: str
    suffix: str
    bit_rate: int = 192_000
    sample_rate_hz: int = 44_100
    wanted_ratio: float | None = None


FORMATS = (
    Format(name="mp3 320", suffix="mp3", bit_rate=320_000, wanted_ratio=4),
    Format(name="mp3 128", suffix="mp3", bit_rate=128_000),
    Format(name="flac", suffix="flac", wanted_ratio=4),
    Format(name="wav", suffix="wav", wanted_ratio=4),
    Format(name="ogg", suffix="ogg", wanted_ratio=3.5),
    Format(name="opus", suffix="opus", bit_rate=128_000, sample_rate_hz=48_000),
    Format(name="m4a", suffix="m4a", bit_rate=256_000, wanted_ratio=4),
    Format(name="wma", suffix="wma"),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Milliseconds a song of a format."""

    decode: float
    compute: float
    whole: float

    @staticmethod
    def median(rows: "list[Row]") -> "Row":
        return Row(
            decode=statistics.median(row.decode for row in rows),
            compute=statistics.median(row.compute for row in rows),
            whole=statistics.median(row.whole for row in rows),
        )


def main() -> None:
    """Print a table of milliseconds a song, and whether each target is reached."""
    print(f"{SECONDS:.0f} s songs, the middle {EXCERPT_SECONDS:.0f} s; ms of one thread, median of {SONGS}")
    print("each pair: librosa port, ours, ratio", flush=True)
    print(f"{'format':9}{'decode + resample':>24}{'518 values':>24}{'file to vector':>24}")
    targets = []
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_process({}) as port,
        fresh_process(WORKER_ENVIRONMENT) as own,
    ):
        own.submit(warm_up).result()
        for form in FORMATS:
            reference, ours = compared(form, Path(folder), port, own)
            print(f"{form.name:9}{_pairs(reference, ours)}", flush=True)
            targets += _targets(form, reference, ours)
    print(*targets, sep="\n")


def compared(
    form: Format, folder: Path, port: ProcessPoolExecutor, own: ProcessPoolExecutor
) -> tuple[Row, Row]:
    """Both medians over the songs."""
    pairs = []
    for seed in range(SONGS):
        path = own.submit(make_song, folder, form, seed).result()
        if not pairs:  # what is made at a first song of a format
            port.submit(measure_port, path).result()
            own.submit(measure_own, path).result()
        pairs.append((port.submit(measure_port, path).result(), own.submit(measure_own, path).result()))
        path.unlink()
    reference, ours = zip(*pairs, strict=True)
    return Row.median(list(reference)), Row.median(list(ours))


def fresh_process(environment: dict[str, str]) -> ProcessPoolExecutor:
    """A fresh process with these variables, which the C library reads at its start."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        executor = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        executor.submit(os.getpid).result()
        return executor
    finally:
        os.environ.clear()
        os.environ.update(before)


def make_song(folder: Path, form: Format, seed: int) -> Path:
    """A song of four minutes."""
    piece = music(SECONDS / PIECES, sample_rate_hz=form.sample_rate_hz, seed=seed)
    path = folder / f"song{seed}.{form.suffix}"
    if form.suffix not in ("mp3", "m4a"):
        return _written(path, np.tile(piece, (PIECES, 1)), form)
    # Their encoders take longer than all the rest of the benchmark, so their packets are repeated, not the sound.
    part = _written(path.with_stem("part"), piece, form)
    with (
        av.open(str(part)) as source,
        av.open(str(path), "w", format=source.format.name.split(",")[0]) as target,
    ):
        stream = source.streams.audio[0]
        out = target.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.size]
        ticks = sum(packet.duration for packet in packets)
        for repetition in range(PIECES):
            for packet in packets:
                target.mux(_moved(packet, repetition * ticks, out))
    return path


def _written(path: Path, samples: np.ndarray, form: Format) -> Path:
    return write_audio(path, samples, sample_rate_hz=form.sample_rate_hz, bit_rate=form.bit_rate)


def _moved(packet: av.Packet, ticks: int, stream: av.AudioStream) -> av.Packet:
    copy = av.Packet(bytes(packet))
    copy.pts, copy.dts, copy.duration = packet.pts + ticks, packet.dts + ticks, packet.duration
    copy.time_base, copy.stream = packet.time_base, stream
    return copy


def measure_port(path: Path) -> Row:
    decode, y = timed(lambda: _port_samples(path))
    compute, _ = timed(lambda: fma_reference(y))
    whole, _ = timed(lambda: fma_reference(_port_samples(path)))
    return Row(decode=decode, compute=compute, whole=whole)


def measure_own(path: Path) -> Row:
    decode, y = timed(lambda: load_excerpt(str(path)).y)
    compute, _ = timed(lambda: fma_features(y))
    whole, _ = timed(lambda: extract(str(path), with_fma=True))
    return Row(decode=decode, compute=compute, whole=whole)


def timed(action: Callable[[], T]) -> tuple[float, T]:
    """Milliseconds of processor time, and the result."""
    started = time.process_time()
    result = action()
    return (time.process_time() - started) * 1000, result


def _port_samples(path: Path) -> np.ndarray:
    offset = (SECONDS - EXCERPT_SECONDS) / 2
    if path.suffix in SNDFILE_SUFFIXES:
        y, _ = librosa.load(path, sr=22_050, offset=offset, duration=EXCERPT_SECONDS)
        return y
    # What librosa has ffmpeg do, without its second process: decode from the start to the excerpt's end.
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        blocks, wanted = [], int((offset + EXCERPT_SECONDS) * stream.rate)
        for frame in container.decode(stream):
            blocks.append(frame.to_ndarray())
            if (wanted := wanted - frame.samples) <= 0:
                break
        y = librosa.to_mono(np.concatenate(blocks, axis=1)[:, int(offset * stream.rate) :])
        return librosa.resample(y, orig_sr=stream.rate, target_sr=22_050)


def _pairs(reference: Row, ours: Row) -> str:
    pairs = (
        (reference.decode, ours.decode),
        (reference.compute, ours.compute),
        (reference.whole, ours.whole),
    )
    return "".join(f"{theirs:9.1f}{own:8.1f}{theirs / own:7.2f}" for theirs, own in pairs)


def _targets(form: Format, reference: Row, ours: Row) -> list[str]:
    lines = []
    if form.wanted_ratio is not None:
        ratio = reference.whole / ours.whole
        lines.append(at_least(f"{form.name}, file to vector", ratio, form.wanted_ratio, "times the port"))
    if form.name == "mp3 320":
        lines.append(at_least("518 values on samples", reference.compute / ours.compute, 8, "times the port"))
        lines.append(
            at_most("mp3 320, file to vector", ours.whole / ours.decode, 1.7, "times decode + resample")
        )
    return lines
