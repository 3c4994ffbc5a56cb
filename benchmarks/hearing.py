"""File to 518 values, by codec: ours against a plain librosa port of FMA's features.py, interleaved."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import librosa
from audio_files import SUFFIXES, song
from features.audio import load_excerpt
from features.extraction import extract, warm_up
from fma_reference import fma_reference

SONGS = 2
ROUNDS = 2
SECONDS = 120.0


def main() -> None:
    """Print a line for each codec: milliseconds a song of either, and the ratio."""
    print(f"file to 518 values, {SECONDS:.0f} s songs, median of {SONGS * ROUNDS}, one thread")
    print(f"{'codec':8}{'reference ms':>14}{'ours ms':>10}{'ratio':>8}")
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        for suffix in SUFFIXES:
            files = [
                song(Path(folder), suffix, seconds=SECONDS, seed=seed, name=f"song{seed}")
                for seed in range(SONGS)
            ]
            pairs = [
                (milliseconds(_reference, file), milliseconds(_ours, file))
                for _ in range(ROUNDS)
                for file in files
            ]
            reference, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
            print(f"{suffix:8}{reference:14.0f}{ours:10.0f}{reference / ours:8.2f}")


def milliseconds(action: Callable[[Path], object], file: Path) -> float:
    started = time.perf_counter()
    action(file)
    return (time.perf_counter() - started) * 1000


def _reference(file: Path) -> None:
    if file.suffix == ".m4a":  # librosa reads it only where an ffmpeg program is installed
        fma_reference(load_excerpt(str(file)).y)
        return
    y, _ = librosa.load(file, sr=22_050, offset=(SECONDS - 30.0) / 2, duration=30.0)
    fma_reference(y)


def _ours(file: Path) -> None:
    extract(str(file), with_fma=True)
