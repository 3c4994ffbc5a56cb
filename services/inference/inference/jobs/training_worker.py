"""The process that trains, apart from the one that serves so that neither waits for the other.

    python -m inference.jobs.training_worker FOLDER PARENT THREADS

FOLDER holds a corpus and options.json. Each stage that can be trained leaves a folder with its head, its record and
its out-of-fold predictions. Progress goes to stdout as lines of JSON; a refusal leaves failure.json. It ends when the
process PARENT does: nobody would take what it learns. It fits THREADS heads at once where it can.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from runtime.process import die_with

from inference.classify.stages import STAGES, Array, Stage
from inference.classify.verdicts import Rule
from inference.errors import InferenceError, TooFewGenresError, TooFewSongsError
from inference.evaluation.plots import (
    CONFUSION_FILE,
    COVERAGE_FILE,
    RELIABILITY_FILE,
    VOTE_COVERAGE_FILE,
    VOTE_FILE,
    draw_confusion,
    draw_coverage,
    draw_reliability,
    draw_vote,
)
from inference.evaluation.predictions import Judged
from inference.evaluation.thresholds import CascadeFigures, cascade_figures, common
from inference.jobs.champion import LearnedStage, leave_comparison, write_measured
from inference.jobs.worker_files import FAILURE_FILE, OPTIONS_FILE
from inference.registry.oof_predictions import OUT_OF_FOLD_FILE
from inference.registry.records import HeadRecord, TriedRecipe
from inference.registry.version_files import write_head
from inference.training.dataset_files import Corpus, Make
from inference.training.options import TrainingOptions
from inference.training.parallel_fits import working_with
from inference.training.splits import Split
from inference.training.stage_result import Chosen, TrainedStage
from inference.training.stage_training import Progress, split_of, train_stage

NICENESS = 10
Rows = NDArray[np.int64]


def main() -> None:
    folder, parent, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    die_with(parent)
    # Serving keeps its latency while this runs.
    os.nice(NICENESS)
    try:
        with working_with(threads):
            train(folder, TrainingOptions(**json.loads((folder / OPTIONS_FILE).read_text())))
    except InferenceError as error:
        (folder / FAILURE_FILE).write_text(json.dumps({"reason": error.reason, "message": str(error)}))


def train(folder: Path, options: TrainingOptions) -> None:
    """Train every stage that the corpus has vectors for."""
    corpus = Corpus(folder)
    stages = list(trainable(corpus))
    if not stages:
        raise TooFewSongsError("no song came with an FMA vector; extract the songs first, then train")
    split = split_of(corpus.strata([makes for _, makes in stages]), corpus.groups, options)
    learned: list[Learned] = []
    for done, (stage, makes) in enumerate(stages):
        started = time.monotonic()
        progress = reporter(stage, done, len(stages))
        tell_of_oddities(corpus, makes, progress)
        rows, vectors = corpus.joined(makes)
        trained = learn(corpus, rows, vectors, split, options, progress, learned)
        if trained is not None:
            record = describe(stage, makes, trained, options, corpus.digest(rows, vectors))
            record = replace(record, training_seconds=time.monotonic() - started)
            learned.append(Learned(stage=stage, trained=trained, record=record, rows=rows))
    write_all(folder, learned, options.rule)
    stages_learned = [
        LearnedStage(stage=each.stage, trained=each.trained, rows=each.rows) for each in learned
    ]
    leave_comparison(folder, corpus, stages_learned, options.rule)


@dataclass(frozen=True, kw_only=True)
class Learned:
    """A stage that could be trained."""

    stage: Stage
    trained: TrainedStage
    record: HeadRecord
    rows: Rows
    """Of the corpus, for each song that was handed in."""

    def rows_of(self, judged: Judged) -> Judged:
        """What the stage judged, by rows of the corpus."""
        return replace(judged, rows=self.rows[judged.rows])


def write_all(folder: Path, learned: Sequence[Learned], rule: Rule) -> None:
    """Leave what came of all stages, the vote of them with the last one."""
    figures = cascade_of(learned, rule)
    for each in learned:
        record = replace(each.record, cascade=figures) if each is learned[-1] else each.record
        write_stage(folder / each.stage.model, each.trained, record, each.rows)
        draw_stage(folder / each.stage.model, record)
    if len(learned) > 1:
        draw_vote(folder / VOTE_FILE, figures)
        songs = len(common([each.rows_of(each.trained.out_of_fold.judged) for each in learned])[0].rows)
        draw_coverage(
            folder / VOTE_COVERAGE_FILE, figures.coverage, songs, "All stages: what a threshold gives"
        )


def cascade_of(learned: Sequence[Learned], rule: Rule) -> CascadeFigures:
    """The vote of all stages by the thresholds in force, on songs that have the vectors of each."""
    return cascade_figures(
        test=[each.rows_of(each.trained.test) for each in learned],
        validation=[each.rows_of(each.trained.chosen.judged) for each in learned],
        out_of_fold=[each.rows_of(each.trained.out_of_fold.judged) for each in learned],
        thresholds=[rule.threshold(each.stage) for each in learned],
        genres=learned[0].trained.genres,
    )


def draw_stage(folder: Path, record: HeadRecord) -> None:
    """The pictures of a stage's report."""
    stage = f"Stage {record.stage}"
    draw_confusion(folder / CONFUSION_FILE, record.held_out, f"{stage}, artists not in training")
    draw_coverage(
        folder / COVERAGE_FILE, record.coverage, record.song_count, f"{stage}: what a threshold gives"
    )
    if record.calibration is not None:
        draw_reliability(
            folder / RELIABILITY_FILE,
            record.calibration,
            record.song_count,
            f"{stage}: is the confidence true?",
            record.noise.doubt if record.noise else 0.0,
        )


def trainable(corpus: Corpus) -> Iterator[tuple[Stage, tuple[Make, ...]]]:
    """The stages whose vectors are there, with the makes to learn from."""
    for stage in STAGES:
        makes = corpus.makes(stage)
        if makes is not None:
            yield stage, makes


def tell_of_oddities(corpus: Corpus, makes: tuple[Make, ...], progress: Progress) -> None:
    """Say which songs are not taken as they were sent."""
    left_out = corpus.left_out(makes)
    if left_out:
        versions = " and ".join(make.version for make in makes)
        progress(f"{left_out} songs left out: their vectors are of another version than {versions}", 0.0)
    if corpus.contradictions:
        progress(
            f"{corpus.contradictions} songs are copies of one audio with different labels: the strongest counts",
            0.0,
        )


def learn(
    corpus: Corpus,
    rows: Rows,
    vectors: Array,
    split: Split,
    options: TrainingOptions,
    progress: Progress,
    before: Sequence[Learned],
) -> TrainedStage | None:
    """Train one stage; None for a later one that would know fewer genres than the first."""
    songs = corpus.songs(rows, vectors)
    try:
        trained = train_stage(songs, options, progress, split.only(rows))
    except (TooFewSongsError, TooFewGenresError) as error:
        if not before:
            raise
        progress(f"left out: {error}", 1.0)
        return None
    if before and trained.genres != before[0].trained.genres:
        unknown = ", ".join(sorted(set(before[0].trained.genres) - set(trained.genres)))
        progress(f"left out: too few songs with its vectors for {unknown}", 1.0)
        return None
    return trained


def describe(
    stage: Stage,
    makes: tuple[Make, ...],
    trained: TrainedStage,
    options: TrainingOptions,
    digest: str,
) -> HeadRecord:
    """The record of a trained stage."""
    chosen, heard = trained.chosen, trained.out_of_fold
    return HeadRecord(
        stage=stage.number,
        algorithm=chosen.recipe.algorithm,
        recipe=str(chosen.recipe),
        tried=tried_recipes(chosen),
        genres=trained.genres,
        temperature=heard.scaling.temperature,
        calibration_kind=heard.scaling.kind,
        calibration=heard.calibration,
        strength=chosen.recipe.strength,
        feature_versions={make.kind.name: make.version for make in makes},
        held_out=trained.held_out,
        out_of_fold_accuracy=heard.accuracy,
        noise=trained.noise,
        coverage=trained.coverage,
        ood_threshold=heard.ood_threshold,
        ood_rate=heard.ood_rate,
        skipped=trained.skipped,
        song_count=len(heard.suspects),
        group_count=len(np.unique(heard.judged.groups)),
        seed=options.seed,
        training_digest=digest,
        training_seconds=0.0,
        created_time=datetime.now(UTC),
    )


def tried_recipes(chosen: Chosen) -> tuple[TriedRecipe, ...]:
    """What was tried, for the record."""
    return tuple(
        TriedRecipe(
            algorithm=str(each.recipe),
            accuracy=each.accuracy,
            loss=each.loss,
            chosen=each.recipe == chosen.recipe,
        )
        for each in chosen.tried
    )


def write_stage(folder: Path, trained: TrainedStage, record: HeadRecord, rows: Rows) -> None:
    """Leave head, record and out-of-fold predictions; `rows` are the corpus rows of the stage's songs."""
    folder.mkdir()
    write_head(folder, trained.head, record)
    write_measured(folder, trained)
    heard = trained.out_of_fold
    np.savez(
        folder / OUT_OF_FOLD_FILE,
        rows=rows[heard.judged.rows],
        probabilities=heard.judged.probabilities.astype(np.float32),
        suspects=heard.suspects,
        strange=heard.distances > heard.ood_threshold,
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
