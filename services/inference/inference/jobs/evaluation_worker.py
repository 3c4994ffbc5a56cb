"""The process that evaluates on a given split, apart from the one that serves.

    python -m inference.jobs.evaluation_worker FOLDER PARENT THREADS

FOLDER holds a corpus, the part of each of its songs, and options.json. It leaves the record and pictures of the test
part. Progress and refusals are those of the training process; it ends when the process PARENT does.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from runtime.process import die_with

from inference.classify.stages import STAGES
from inference.errors import InferenceError, TooFewSongsError
from inference.evaluation.plots import (
    CONFUSION_FILE,
    COVERAGE_FILE,
    RELIABILITY_FILE,
    draw_confusion,
    draw_coverage,
    draw_reliability,
)
from inference.jobs.training_worker import NICENESS
from inference.jobs.worker_files import EXAMINED_FILE, FAILURE_FILE, OPTIONS_FILE, PARTS_FILE
from inference.registry.records import HeadRecord, TriedRecipe, record_to_json
from inference.training.dataset import LabelledSongs
from inference.training.dataset_files import Corpus, Make
from inference.training.given_split import Examined, examine
from inference.training.parallel_fits import working_with


def main() -> None:
    folder, parent, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    die_with(parent)
    os.nice(NICENESS)
    try:
        with working_with(threads):
            evaluate(folder, **json.loads((folder / OPTIONS_FILE).read_text()))
    except InferenceError as error:
        (folder / FAILURE_FILE).write_text(json.dumps({"reason": error.reason, "message": str(error)}))


def evaluate(folder: Path, *, seed: int, title: str) -> None:
    """Leave record and pictures."""
    started = time.monotonic()
    corpus = Corpus(folder)
    makes = corpus.makes(STAGES[0])
    if makes is None:
        raise TooFewSongsError("no song came with a vector that a first stage hears")
    rows, vectors = corpus.joined(makes)
    songs = corpus.songs(rows, vectors)
    parts = np.load(folder / PARTS_FILE)[rows]
    examined = examine(songs, parts, seed=seed, progress=report)
    record = describe(examined, makes, songs, seed, corpus.digest(rows, vectors), time.monotonic() - started)
    (folder / EXAMINED_FILE).write_bytes(record_to_json(record))
    draw(folder, record, title)


def describe(
    examined: Examined, makes: tuple[Make, ...], songs: LabelledSongs, seed: int, digest: str, seconds: float
) -> HeadRecord:
    """The record of a head that nobody keeps."""
    return HeadRecord(
        stage=1,
        algorithm=examined.recipe.algorithm,
        recipe=f"{examined.recipe}{', wrong labels handled' if examined.handle_noise else ''}",
        tried=tuple(
            TriedRecipe(
                algorithm=str(each.recipe),
                accuracy=each.accuracy,
                loss=each.loss,
                chosen=each.recipe == examined.recipe,
            )
            for each in examined.tried
        ),
        genres=examined.genres,
        temperature=examined.scaling.temperature,
        calibration_kind=examined.scaling.kind,
        calibration=examined.calibration,
        strength=examined.recipe.strength,
        feature_versions={make.kind.name: make.version for make in makes},
        held_out=examined.held_out,
        out_of_fold_accuracy=0.0,
        coverage=examined.coverage,
        skipped=(),
        song_count=len(songs.labels),
        group_count=len(np.unique(songs.groups)),
        seed=seed,
        training_digest=digest,
        training_seconds=seconds,
        created_time=datetime.now(UTC),
    )


def draw(folder: Path, record: HeadRecord, title: str) -> None:
    """The pictures of the test part."""
    draw_confusion(folder / CONFUSION_FILE, record.held_out, f"{title}, test part")
    songs = record.held_out.songs
    draw_coverage(folder / COVERAGE_FILE, record.coverage, songs, f"{title}: what a threshold gives")
    if record.calibration is not None:
        draw_reliability(
            folder / RELIABILITY_FILE, record.calibration, songs, f"{title}: is the confidence true?"
        )


def report(step: str, fraction: float) -> None:
    """Progress as a line of JSON."""
    sys.stdout.write(json.dumps({"step": step, "fraction": fraction}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
