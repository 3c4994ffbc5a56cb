"""The model in service beside the one that is being trained: what each keeps so that the next can be compared with it.

The head that serves has learned from every song. For the comparison each model keeps the head that its test part was
measured with, and the numbers of the artists that this one learned from.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.classify.probabilities import softmax
from inference.classify.stages import STAGES, Stage
from inference.classify.verdicts import Rule
from inference.evaluation.comparison import COMPARISONS, Comparison, Opinion, compared, voted
from inference.jobs.worker_files import COMPARISON_FILE, RIVAL_FILE
from inference.registry.records import HeadRecord
from inference.registry.version_files import read_record, read_weights, write_weights
from inference.training.dataset_files import Corpus
from inference.training.stage_result import TrainedStage

MEASURED_FILE = "measured.npz"
ARTISTS_FILE = "measured_artists.npy"
Ints = NDArray[np.integer]


@dataclass(frozen=True, kw_only=True)
class LearnedStage:
    """A stage of the model that is being trained."""

    stage: Stage
    trained: TrainedStage
    rows: NDArray[np.int64]
    """[songs] rows of the corpus, of the songs that were handed in."""

    def opinion(self, rule: Rule) -> Opinion:
        """On its test part."""
        test = self.trained.test
        return Opinion(
            songs=self.rows[test.rows],
            genres=self.trained.genres,
            probabilities=test.probabilities,
            strange=~test.familiar,
            threshold=rule.threshold(self.stage),
        )


def write_measured(folder: Path, trained: TrainedStage) -> None:
    """Keep the head of the test part, its temperature within its weights, and the artists that it learned from."""
    genres = len(trained.genres)
    calibrated = trained.measured.scaled(
        np.full(genres, 1 / trained.chosen.scaling.temperature), np.zeros(genres)
    )
    write_weights(folder / MEASURED_FILE, calibrated)
    artists = np.setdiff1d(trained.out_of_fold.judged.groups, trained.test.groups)
    np.save(folder / ARTISTS_FILE, artists.astype(np.int64))


def leave_comparison(folder: Path, corpus: Corpus, learned: Sequence[LearnedStage], rule: Rule) -> None:
    """Compare with the model in service, where the service named one, both by this rule; leave what came of it."""
    if (folder / RIVAL_FILE).exists():
        named = json.loads((folder / RIVAL_FILE).read_text())
        heads = {
            stage: Path(named["folders"][stage.model]) for stage in STAGES if stage.model in named["folders"]
        }
        comparison = compare(corpus, learned, Rival(name=named["name"], heads=heads), rule)
        if comparison is not None:
            (folder / COMPARISON_FILE).write_bytes(COMPARISONS.dump_json(comparison))


@dataclass(frozen=True, kw_only=True)
class Rival:
    """The model in service."""

    name: str
    heads: dict[Stage, Path]

    @property
    def can_be_compared(self) -> bool:
        """Whether it kept what that takes; models of earlier versions of this service did not."""
        return all((folder / MEASURED_FILE).exists() for folder in self.heads.values())

    def artists(self) -> Ints:
        """Numbers of the artists that its measured heads learned from."""
        return np.unique(np.concatenate([np.load(folder / ARTISTS_FILE) for folder in self.heads.values()]))

    def opinion(self, corpus: Corpus, stage: Stage, songs: Ints, rule: Rule) -> Opinion | None:
        """Of those of the songs that have the vectors of a stage, of its make; None where there are none of that."""
        record = read_record(self.heads[stage])
        makes = corpus.makes(stage)
        if makes is None or {make.kind.name: make.version for make in makes} != record.feature_versions:
            return None
        rows, vectors = corpus.joined(makes)
        own = np.isin(rows, songs)
        head = read_weights(self.heads[stage] / MEASURED_FILE)
        distances = head.distances(vectors[own])
        return Opinion(
            songs=rows[own],
            genres=record.genres,
            probabilities=softmax(head.logits(vectors[own])),
            # Of before there were distances, a head knows of no stranger.
            strange=distances > (np.inf if record.ood_threshold is None else record.ood_threshold),
            threshold=rule.threshold(stage),
        )


def compare(corpus: Corpus, learned: Sequence[LearnedStage], rival: Rival, rule: Rule) -> Comparison | None:
    """Both on the test part of the new model, without artists that the other one learned from."""
    if not rival.can_be_compared:
        return None
    own = [each.opinion(rule) for each in learned[: rule.max_stages]]
    songs = own[0].songs[~np.isin(corpus.groups[own[0].songs], rival.artists())]
    stages = list(rival.heads)[: rule.max_stages]
    theirs = [rival.opinion(corpus, stage, songs, rule) for stage in stages]
    if theirs[0] is None:
        return other_make(rival.name, read_record(next(iter(rival.heads.values()))))
    others = [opinion for opinion in theirs if opinion]
    return compared(
        right_of(corpus, songs, voted(songs, own)),
        right_of(corpus, songs, voted(songs, others)),
        corpus.groups[songs],
        rival.name,
    )


def right_of(corpus: Corpus, songs: Ints, genres: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Which songs [n] have a label that names the genre [n] which was said of them."""
    code = {genre: number for number, genre in enumerate(corpus.genres)}
    said = np.asarray([code.get(genre, -1) for genre in genres], dtype=np.intp)
    right: NDArray[np.bool_] = (said >= 0) & corpus.named[songs, said]
    return right


def other_make(rival: str, record: HeadRecord) -> Comparison:
    """For a model in service that can judge none of these songs."""
    learned = ", ".join(record.feature_versions.values())
    return Comparison(
        other_model=rival,
        songs=0,
        accuracy=0.0,
        other_accuracy=0.0,
        difference_low=-1.0,
        difference_high=1.0,
        better=False,
        verdict=f"{rival} has learned from vectors of another make ({learned}) than these songs have, and can judge "
        "none of them: decide by hand.",
    )
