"""The process that evaluates on a given split, apart from the one that serves.

    python -m inference.jobs.evaluation_worker FOLDER PARENT THREADS

FOLDER holds a corpus, the part of each of its songs, and options.json. It leaves the record and pictures of the test
part.
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from inference.classify.stages import FIRST_STAGE
from inference.errors import TooFewSongsError
from inference.jobs.reports import draw_report, head_record
from inference.jobs.worker_process import EVALUATION_FILE, PARTS_FILE, report_progress, run_worker
from inference.registry.records import record_to_json
from inference.training.corpus import Corpus
from inference.training.given_split import evaluate_split


def evaluate(folder: Path, *, seed: int, title: str) -> None:
    """Leave record and pictures; raises TooFewSongsError, TooFewGenresError."""
    started = time.monotonic()
    corpus = Corpus(folder)
    versions = corpus.feature_versions(FIRST_STAGE)
    if versions is None:
        raise TooFewSongsError("no song came with a vector that a first stage uses")
    rows, songs = corpus.dataset(versions)
    result = evaluate_split(songs, np.load(folder / PARTS_FILE)[rows], seed=seed, report=report_progress)
    record = head_record(
        result,
        versions,
        stage=1,
        song_count=len(songs.labels),
        group_count=len(np.unique(songs.groups)),
        seed=seed,
        training_digest=songs.digest(),
        training_seconds=time.monotonic() - started,
    )
    if result.handle_noise:
        record = replace(record, recipe=f"{record.recipe}, wrong labels handled")
    (folder / EVALUATION_FILE).write_bytes(record_to_json(record))
    draw_report(folder, record, title=title, part="test part", songs=record.held_out.songs)


if __name__ == "__main__":
    run_worker(lambda folder, options: evaluate(folder, **options))
