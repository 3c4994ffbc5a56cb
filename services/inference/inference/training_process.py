"""The process that trains, apart from the one that serves so that neither waits for the other.

    python -m inference.training_process FOLDER PARENT

FOLDER holds a corpus and options.json. Each stage that can be trained leaves a folder with its head, its record and
its out-of-fold predictions. Progress goes to stdout as lines of JSON; a refusal leaves failure.json. It ends when the
process PARENT does: nobody would take what it learns.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from runtime.process import die_with

from inference.corpus import Corpus, Make
from inference.errors import InferenceError, TooFewGenresError, TooFewSongsError
from inference.options import TrainingOptions
from inference.record import HeadRecord
from inference.stages import STAGES, Stage
from inference.training import ALGORITHM, LabelledSongs, Progress, TrainedStage, train_stage
from inference.training_files import FAILURE_FILE, OPTIONS_FILE, OUT_OF_FOLD_FILE
from inference.version_files import write_head

NICENESS = 10


def main() -> None:
    folder, parent = Path(sys.argv[1]), int(sys.argv[2])
    die_with(parent)
    # Serving keeps its latency while this runs.
    os.nice(NICENESS)
    try:
        train(folder, TrainingOptions(**json.loads((folder / OPTIONS_FILE).read_text())))
    except InferenceError as error:
        (folder / FAILURE_FILE).write_text(json.dumps({"reason": error.reason, "message": str(error)}))


def train(folder: Path, options: TrainingOptions) -> None:
    """Train every stage that the corpus has vectors for."""
    corpus = Corpus(folder)
    stages = list(trainable(corpus))
    if not stages:
        raise TooFewSongsError("no song came with an FMA vector; extract the songs first, then train")
    first: TrainedStage | None = None
    for done, (stage, makes) in enumerate(stages):
        trained = train_one(folder, corpus, stage, makes, options, reporter(stage, done, len(stages)), first)
        first = first or trained


def trainable(corpus: Corpus) -> Iterator[tuple[Stage, tuple[Make, ...]]]:
    """The stages whose vectors are there, with the makes to learn from."""
    for stage in STAGES:
        makes = corpus.makes(stage)
        if makes is not None:
            yield stage, makes


def train_one(
    folder: Path,
    corpus: Corpus,
    stage: Stage,
    makes: tuple[Make, ...],
    options: TrainingOptions,
    progress: Progress,
    first: TrainedStage | None,
) -> TrainedStage | None:
    """Train one stage and write what came of it; a later stage that knows fewer genres than the first is left out."""
    started = time.monotonic()
    rows, vectors = corpus.joined(makes)
    songs = LabelledSongs(
        vectors=vectors, labels=corpus.labels[rows], groups=corpus.groups[rows], genres=corpus.genres
    )
    try:
        trained = train_stage(songs, options, progress)
    except (TooFewSongsError, TooFewGenresError) as error:
        if first is None:
            raise
        progress(f"left out: {error}", 1.0)
        return None
    if first is not None and trained.genres != first.genres:
        unknown = ", ".join(sorted(set(first.genres) - set(trained.genres)))
        progress(f"left out: too few songs with its vectors for {unknown}", 1.0)
        return None
    record = describe(
        stage,
        makes,
        trained,
        options,
        group_count=len(np.unique(songs.groups[trained.out_of_fold.rows])),
        digest=corpus.digest(rows, vectors),
        seconds=time.monotonic() - started,
    )
    write_stage(folder / stage.model, trained, record, rows)
    return trained


def describe(
    stage: Stage,
    makes: tuple[Make, ...],
    trained: TrainedStage,
    options: TrainingOptions,
    *,
    group_count: int,
    digest: str,
    seconds: float,
) -> HeadRecord:
    """The record of a trained stage."""
    return HeadRecord(
        stage=stage.number,
        algorithm=ALGORITHM,
        genres=trained.genres,
        temperature=trained.temperature,
        strength=trained.strength,
        feature_versions={make.kind.name: make.version for make in makes},
        held_out=trained.held_out,
        out_of_fold_accuracy=trained.out_of_fold.accuracy,
        skipped=trained.skipped,
        song_count=len(trained.out_of_fold.rows),
        group_count=group_count,
        seed=options.seed,
        training_digest=digest,
        training_seconds=seconds,
        created_time=datetime.now(UTC),
    )


def write_stage(
    folder: Path, trained: TrainedStage, record: HeadRecord, rows: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> None:
    """Leave head, record and out-of-fold predictions; `rows` are the corpus rows of the stage's songs."""
    folder.mkdir()
    write_head(folder, trained.head, record)
    np.savez(
        folder / OUT_OF_FOLD_FILE,
        rows=rows[trained.out_of_fold.rows],
        probabilities=trained.out_of_fold.probabilities.astype(np.float32),
        suspects=trained.out_of_fold.suspects,
    )


def reporter(stage: Stage, done: int, stages: int) -> Progress:
    """Progress of one stage as a share of all, a line of JSON each."""

    def report(step: str, fraction: float) -> None:
        line = {"step": f"stage {stage.number}: {step}", "fraction": (done + fraction) / stages}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    return report


if __name__ == "__main__":
    main()
