"""Champion and challenger: the model in service compared with the one that is being trained.

The head that serves has learned from every song. For the comparison each model keeps its held-out head, which learned
from all but the test part, and the numbers of the artists that this one learned from.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Ints
from inference.classify.probabilities import softmax
from inference.classify.stages import Stage
from inference.classify.voting_rule import Rule
from inference.evaluation.comparison import (
    COMPARISONS,
    Comparison,
    StagePredictions,
    compared,
    uncompared,
    voted,
)
from inference.jobs.worker_process import CHAMPION_FILE, COMPARISON_FILE
from inference.registry.models import stages_of
from inference.registry.records import HeadRecord
from inference.registry.version_files import read_record, read_weights, write_weights
from inference.training.corpus import Corpus
from inference.training.stage_result import TrainedStage

HELD_OUT_HEAD_FILE = "held_out_head.npz"
CREDITS_FILE = "held_out_head_artists.npy"


@dataclass(frozen=True, kw_only=True)
class LearnedStage:
    """A stage of the model that is being trained."""

    stage: Stage
    trained: TrainedStage
    record: HeadRecord
    rows: NDArray[np.int64]
    """[songs] rows of the corpus, of the songs that were handed in."""

    def predictions(self, threshold: float) -> StagePredictions:
        """Those of the challenger on its test part."""
        test = self.trained.test
        return StagePredictions(
            songs=self.rows[test.rows],
            genres=self.trained.genres,
            probabilities=test.probabilities,
            is_ood=test.is_ood,
            threshold=threshold,
        )


def write_held_out_head(folder: Path, trained: TrainedStage, credits: Ints) -> None:
    """Keep the held-out head, and the credits that it learned from; `credits` [songs] are those of all its songs."""
    write_weights(folder / HELD_OUT_HEAD_FILE, trained.held_out_head)
    learned = np.setdiff1d(trained.out_of_fold.predictions.rows, trained.test.rows)
    np.save(folder / CREDITS_FILE, np.unique(credits[learned]).astype(np.int64))


def write_comparison(folder: Path, corpus: Corpus, learned: Sequence[LearnedStage], rule: Rule) -> None:
    """Compare with the model in service, where the service named one, both by this rule; leave what came of it."""
    if (folder / CHAMPION_FILE).exists():
        named = json.loads((folder / CHAMPION_FILE).read_text())
        heads = {stage: Path(named["folders"][stage.model]) for stage in stages_of(named["folders"])}
        comparison = compare(corpus, learned, Champion(name=named["name"], heads=heads), rule)
        (folder / COMPARISON_FILE).write_bytes(COMPARISONS.dump_json(comparison))


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The model in service."""

    name: str
    heads: dict[Stage, Path]

    def credits(self) -> Ints:
        """Numbers of the credits that its held-out heads learned from."""
        return np.unique(np.concatenate([np.load(folder / CREDITS_FILE) for folder in self.heads.values()]))

    def predictions(
        self, corpus: Corpus, stage: Stage, songs: Ints, threshold: float
    ) -> StagePredictions | None:
        """On those of the songs that have a stage's vectors of its feature versions; None where none can have them."""
        record = read_record(self.heads[stage])
        versions = corpus.feature_versions(stage)
        if versions is None or {each.kind: each.version for each in versions} != record.feature_versions:
            return None
        rows, vectors = corpus.vectors(versions)
        own = np.isin(rows, songs)
        head = read_weights(self.heads[stage] / HELD_OUT_HEAD_FILE)
        return StagePredictions(
            songs=rows[own],
            genres=record.genres,
            probabilities=softmax(head.logits(vectors[own])),
            is_ood=head.distances(vectors[own]) > record.ood_threshold,
            threshold=threshold,
        )


def compare(corpus: Corpus, learned: Sequence[LearnedStage], champion: Champion, rule: Rule) -> Comparison:
    """Both on the test part of the challenger, without artists that the champion learned from."""
    thresholds = rule.in_force(len(learned))
    own = [
        each.predictions(threshold)
        for each, threshold in zip(learned[: rule.max_stages], thresholds, strict=False)
    ]
    # A group may have grown or shrunk since the champion was trained, so it is told by every credit in it.
    known = np.unique(corpus.groups[np.isin(corpus.credit_numbers, champion.credits())])
    songs = own[0].songs[~np.isin(corpus.groups[own[0].songs], known)]
    stages = list(champion.heads)[: rule.max_stages]
    theirs = [
        champion.predictions(corpus, stage, songs, threshold)
        for stage, threshold in zip(stages, rule.in_force(len(champion.heads)), strict=False)
    ]
    if theirs[0] is None:
        return other_version(champion.name, read_record(champion.heads[stages[0]]))
    others = [predictions for predictions in theirs if predictions]
    return compared(
        right_of(corpus, songs, voted(songs, own)),
        right_of(corpus, songs, voted(songs, others)),
        corpus.groups[songs],
        champion.name,
    )


def right_of(corpus: Corpus, songs: Ints, genres: NDArray[np.object_]) -> Bools:
    """[n] which songs have a label that names their predicted genre [n]."""
    code = {genre: number for number, genre in enumerate(corpus.genres)}
    predicted = np.asarray([code.get(genre, -1) for genre in genres], dtype=np.intp)
    right: Bools = (predicted >= 0) & corpus.multi_hot[songs, predicted]
    return right


def other_version(champion: str, record: HeadRecord) -> Comparison:
    """For a model in service that can classify none of these songs."""
    learned = ", ".join(record.feature_versions.values())
    return uncompared(
        champion,
        f"{champion} has learned from vectors of another feature version ({learned}) than these songs have, and can "
        "classify none of them: decide by hand.",
    )
