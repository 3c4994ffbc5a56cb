"""The process that trains, apart from the one that serves so that neither waits for the other.

    python -m inference.jobs.training_worker FOLDER PARENT THREADS

FOLDER holds a corpus and options.json. Each stage that can be trained leaves a folder with its head, its record and
its out-of-fold predictions. It fits THREADS heads at once where it can.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.classify.stages import Stage
from inference.classify.verdicts import NO_FOLD
from inference.classify.voting_rule import Rule
from inference.evaluation.added import Added, added_by
from inference.evaluation.plots import VOTE_COVERAGE_FILE, VOTE_FILE, draw_coverage, draw_vote
from inference.evaluation.predictions import Predictions
from inference.evaluation.thresholds import CascadeFigures, cascade_figures, common
from inference.jobs.champion import LearnedStage, write_comparison, write_held_out_head
from inference.jobs.decision_training import held_out_songs, train_decisions
from inference.jobs.reports import draw_report, head_record
from inference.jobs.worker_process import report_progress, run_worker
from inference.registry.decision_files import DECISION_FILE, write_decision_model
from inference.registry.fold_files import write_folds
from inference.registry.held_out_files import HELD_OUT_FILE, write_held_out_songs
from inference.registry.oof_predictions import write_oof_predictions
from inference.registry.version_files import write_head
from inference.training.artist_folds import artist_folds
from inference.training.corpus import Corpus
from inference.training.dataset_files import FeatureVersion
from inference.training.model_selection import ReportProgress
from inference.training.options import TrainingOptions
from inference.training.stage_plan import plan_stages
from inference.training.stage_result import TrainedStage
from inference.training.stage_training import split_of, train_stage

Rows = NDArray[np.int64]


def train(folder: Path, options: TrainingOptions) -> None:
    """Train every stage that the corpus has vectors for; raises TooFewSongsError, TooFewGenresError."""
    corpus = Corpus(folder)
    plan = plan_stages(corpus, options)
    for skip in plan.skipped:
        report_progress(f"{skip.kind} is left out: {skip.reason}", 0.0)
    split = split_of(corpus.strata(list(plan.stages.values())), corpus.groups, options)
    learned: list[LearnedStage] = []
    for stage, versions in plan.stages.items():
        started = time.monotonic()
        report = reporter(stage, len(plan.stages))
        report_oddities(corpus, versions, report)
        rows, songs = corpus.dataset(versions)
        trained = train_stage(songs, options, report, split.only(rows))
        record = head_record(
            trained,
            versions,
            stage=stage.number,
            out_of_fold_accuracy=trained.out_of_fold.accuracy,
            noise=trained.noise,
            ood_threshold=trained.out_of_fold.ood_threshold,
            ood_rate=trained.out_of_fold.ood_rate,
            skipped=trained.skipped,
            skipped_embeddings=plan.skipped if not learned else (),
            added=added_to(learned, trained, rows),
            song_count=len(trained.out_of_fold.predictions.rows),
            group_count=len(np.unique(trained.out_of_fold.predictions.groups)),
            cut_links=corpus.grouping.cut_links,
            seed=options.seed,
            training_digest=songs.digest(),
            training_seconds=time.monotonic() - started,
        )
        learned.append(LearnedStage(stage=stage, trained=trained, record=record, rows=rows))
    write_all(folder, learned, options.rule, corpus)
    report_progress("learn what tags and albums tell", 1.0)
    write_decision_model(folder / DECISION_FILE, train_decisions(corpus, learned, options.rule))
    write_held_out_songs(folder / HELD_OUT_FILE, held_out_songs(corpus, learned, options.rule))
    write_comparison(folder, corpus, learned, options.rule)


def report_oddities(corpus: Corpus, versions: Sequence[FeatureVersion], report: ReportProgress) -> None:
    """Say which songs are not taken as they were sent."""
    left_out = corpus.left_out(versions)
    if left_out:
        names = " and ".join(version.version for version in versions)
        report(f"{left_out} songs left out: their vectors are of another version than {names}", 0.0)
    if corpus.contradictions:
        report(
            f"{corpus.contradictions} songs are copies of one audio with different labels: the strongest counts",
            0.0,
        )


def added_to(learned: Sequence[LearnedStage], trained: TrainedStage, rows: Rows) -> Added | None:
    """What a stage, of songs in these rows of the corpus, adds to the one before it."""
    if not learned:
        return None
    before = by_corpus_rows(learned[-1].rows, learned[-1].trained.test)
    return added_by(before, by_corpus_rows(rows, trained.test))


def write_all(folder: Path, learned: Sequence[LearnedStage], rule: Rule, corpus: Corpus) -> None:
    """Leave what came of all stages, the vote of them with the last one."""
    figures = cascade_of(learned, rule)
    for each in learned:
        record = replace(each.record, cascade=figures) if each is learned[-1] else each.record
        own = folder / each.stage.model
        own.mkdir()
        write_head(own, each.trained.head, record)
        write_held_out_head(own, each.trained, corpus.credit_numbers[each.rows])
        write_folds(own, each.trained.fold_heads, artist_folds(corpus.credits, folds_of(each, corpus)))
        out_of_fold = each.trained.out_of_fold
        write_oof_predictions(
            own, by_corpus_rows(each.rows, out_of_fold.predictions), out_of_fold.suspected_label_errors
        )
        draw_report(
            own,
            record,
            title=f"Stage {record.stage}",
            part="artists not in training",
            songs=record.song_count,
        )
    if len(figures.decided) > 1:
        draw_vote(folder / VOTE_FILE, figures)
        songs = len(
            common([by_corpus_rows(each.rows, each.trained.out_of_fold.predictions) for each in learned])[
                0
            ].rows
        )
        draw_coverage(
            folder / VOTE_COVERAGE_FILE, figures.coverage, songs, "All stages: accuracy by threshold"
        )


def folds_of(learned: LearnedStage, corpus: Corpus) -> Rows:
    """By rows of the corpus the fold of each song that a stage learned from."""
    folds = np.full(len(corpus.credits), NO_FOLD, dtype=np.int64)
    folds[learned.rows[learned.trained.out_of_fold.predictions.rows]] = learned.trained.folds
    return folds


def cascade_of(learned: Sequence[LearnedStage], rule: Rule) -> CascadeFigures:
    """The vote of all stages that are asked, by the thresholds in force, on songs that have the vectors of each."""
    asked = learned[: rule.max_stages]
    return cascade_figures(
        test=[by_corpus_rows(each.rows, each.trained.test) for each in asked],
        out_of_fold=[by_corpus_rows(each.rows, each.trained.out_of_fold.predictions) for each in asked],
        thresholds=rule.in_force(len(learned))[: len(asked)],
        genres=learned[0].trained.genres,
    )


def by_corpus_rows(rows: Rows, predictions: Predictions) -> Predictions:
    """Predictions of a stage, by rows of the corpus; `rows` [songs] are those of the songs that were handed in."""
    return replace(predictions, rows=rows[predictions.rows])


def reporter(stage: Stage, stages: int) -> ReportProgress:
    """Progress of one stage as a share of all."""
    done = stage.number - 1
    return lambda step, fraction: report_progress(f"stage {stage.number}: {step}", (done + fraction) / stages)


if __name__ == "__main__":
    run_worker(lambda folder, options: train(folder, TrainingOptions(**options)))
