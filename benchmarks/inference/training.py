"""How long a training of a large library takes and how much memory, out-of-fold runs included."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from inference.classify.stages import FMA, Stage, Vector
from inference.jobs.worker_process import ONE_THREAD
from inference.registry.records import HeadRecord
from inference.registry.version_files import read_record
from inference.training.dataset_files import CorpusWriter

from benchmarks.support.targets import at_most

SONGS = int(os.environ.get("BENCH_SONGS", "100000"))
THREADS = os.environ.get("BENCH_THREADS", "2")
GENRES, SONGS_AN_ARTIST = 16, 8
WIDTHS = {FMA: 518, "MUSICNN": 250, "MERT": 1024}
STAGES = [Stage(tuple(WIDTHS)[: place + 1]) for place in range(len(WIDTHS))]
HIDDEN = 60
WRONG = 0.1
MINUTES, GIBIBYTES = 5.0, 4.0
"""Of each stage; of the whole process."""
LOOK_EVERY_SECONDS = 0.2


def main() -> None:
    """Print minutes, memory and figures of all stages, trained by the process that the service starts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder)
        (folder / "options.json").write_text(json.dumps({"seed": 0, "embeddings": list(WIDTHS)[1:]}))
        minutes, gibibytes = train(folder)
        print(f"{'stage':>6}{'songs':>9}{'width':>7}{'minutes':>9}{'accuracy':>10}{'ECE':>7}  recipe")
        records = [read_record(folder / stage.model) for stage in STAGES]
        for record in records:
            print_stage(record)
    print(f"all stages: {minutes:.1f} minutes, {gibibytes:.2f} GiB")
    for record in records:
        print(at_most(f"stage {record.stage}", record.training_seconds / 60, MINUTES, "minutes"))
    print(at_most("its memory", gibibytes, GIBIBYTES, "GiB"))


def print_stage(record: HeadRecord) -> None:
    """A line of the table, and what was tried."""
    error = record.calibration.after
    print(
        f"{record.stage:6}{record.song_count:9,}{sum(record.lengths.values()):7}{record.training_seconds / 60:9.1f}"
        f"{record.held_out.accuracy:10.3f}{error:7.3f}  {record.recipe}"
    )
    for each in record.candidates:
        print(f"{'':48}  tried {each.algorithm}: accuracy {each.accuracy:.3f}, loss {each.loss:.3f}")


def write_corpus(folder: Path) -> None:
    """Songs of genres that have several styles each, seen through all values; a tenth of the labels are wrong."""
    random = np.random.default_rng(0)
    styles = random.normal(size=(GENRES, 3, HIDDEN)) * 0.75
    through = random.normal(size=(HIDDEN, sum(WIDTHS.values()))).astype(np.float32)
    sizes = np.exp(2 * random.normal(size=through.shape[1])).astype(np.float32)
    writer = CorpusWriter(folder)
    for artist in range(SONGS // SONGS_AN_ARTIST):
        genre = int(random.integers(GENRES))
        own = styles[genre, random.integers(3)] + random.normal(size=HIDDEN) * 0.8
        for song in range(SONGS_AN_ARTIST):
            hidden = own + random.normal(size=HIDDEN) * 0.6
            values = (hidden.astype(np.float32) @ through + random.normal(size=len(sizes)) * 2) * sizes
            label = int(random.integers(GENRES)) if random.random() < WRONG else genre
            add(writer, f"{artist} {song}", f"genre {label:02}", artist, values.astype(np.float32))
    writer.finish()


def add(writer: CorpusWriter, song_id: str, genre: str, artist: int, values: np.ndarray) -> None:
    parts = np.split(values, np.cumsum(list(WIDTHS.values()))[:-1])
    vectors = [
        Vector(kind=kind, version="bench", values=own) for kind, own in zip(WIDTHS, parts, strict=True)
    ]
    writer.add(song_id=song_id, genres=[genre], artist=f"artist {artist}", vectors=vectors)


def train(folder: Path) -> tuple[float, float]:
    """Minutes, and the most memory of the process in GiB, on two cores; its steps are shown with their times."""
    started = time.monotonic()
    command = [sys.executable, "-m", "inference.jobs.training_worker", str(folder), str(os.getpid()), THREADS]
    with subprocess.Popen(command, env=os.environ | ONE_THREAD, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(f"{time.monotonic() - started:7.0f} s  {json.loads(line)['step']}", flush=True)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the training ended with {process.returncode}")
    print(f"{usage.ru_utime + usage.ru_stime:.0f} seconds of processor time")
    return (time.monotonic() - started) / 60, usage.ru_maxrss / 1024**2
