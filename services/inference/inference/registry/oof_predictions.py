"""The out-of-fold predictions of a training, kept beside its heads: what models of other artists say of each song."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Array, Bools, Ints
from inference.classify.probabilities import ranked, top_genres
from inference.classify.stages import Stage
from inference.classify.verdicts import StageVerdict
from inference.classify.voting_rule import Outcome, Rule, decide
from inference.evaluation.predictions import Predictions
from inference.registry.records import HeadRecord

OOF_FILE = "out_of_fold.npz"
SONGS_FILE = "songs.json"
TOP = 5

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, kw_only=True)
class OofPrediction:
    """What models of other artists say of a song."""

    song_id: str
    verdicts: tuple[StageVerdict, ...]
    """Of every stage that it has the vectors for, also after the deciding one."""
    suspected_label_error: bool
    outcome: Outcome
    deciding_stage: int
    """Its number."""


@dataclass(frozen=True, kw_only=True)
class StageOofPredictions:
    """Out-of-fold predictions of one stage; all arrays have one row a song."""

    stage: Stage
    version: str
    genres: tuple[str, ...]
    feature_versions: tuple[str, ...]
    rows: Ints
    """[m] row of the song in the corpus."""
    probabilities: Array
    """[m, genres], calibrated."""
    suspected_label_error: Bools
    """[m] the label looks wrong."""
    is_ood: Bools
    """[m] out of the distribution of the training."""

    @cached_property
    def row_of_song(self) -> Mapping[int, int]:
        """From the row of the corpus to that of the arrays."""
        return {int(song): row for row, song in enumerate(self.rows)}

    @cached_property
    def ranking(self) -> NDArray[np.intp]:
        """[m, genres] indices of the genres, the most probable first."""
        return ranked(self.probabilities)

    def spread(self, values: NDArray[Scalar], songs: int) -> NDArray[Scalar]:
        """[songs] these values [m] by rows of the corpus; 0 for songs without a prediction."""
        found: NDArray[Scalar] = np.zeros(songs, dtype=values.dtype)
        found[self.rows] = values
        return found

    def is_suspected(self, song: int) -> bool:
        """Whether the label of one song looks wrong."""
        return bool(self.suspected_label_error[self.row_of_song[song]])

    def verdict(self, song: int, threshold: float) -> StageVerdict:
        """The verdict on one song."""
        row = self.row_of_song[song]
        probabilities = self.probabilities[row].tolist()
        return StageVerdict(
            stage=self.stage.number,
            model_version=self.version,
            top=top_genres(probabilities, self.ranking[row].tolist(), self.genres, TOP),
            threshold=threshold,
            feature_versions=self.feature_versions,
            is_ood=bool(self.is_ood[row]),
            probabilities=probabilities,
            out_of_fold=True,
        )


def write_oof_predictions(folder: Path, predictions: Predictions, suspected_label_error: Bools) -> None:
    """Keep the predictions of one stage, by rows of the corpus, in the folder of its head."""
    np.savez(
        folder / OOF_FILE,
        rows=predictions.rows,
        probabilities=predictions.probabilities.astype(np.float32),
        suspected_label_error=suspected_label_error,
        is_ood=predictions.is_ood,
    )


def read_oof_predictions(folder: Path, stage: Stage, version: str, record: HeadRecord) -> StageOofPredictions:
    """Those that lie in the folder of a head."""
    with np.load(folder / OOF_FILE, allow_pickle=False) as arrays:
        return StageOofPredictions(
            stage=stage,
            version=version,
            genres=record.genres,
            feature_versions=tuple(record.feature_versions.values()),
            **arrays,
        )


def oof_predictions(
    song_ids: Sequence[str], stages: Sequence[StageOofPredictions], rule: Rule
) -> Iterator[OofPrediction]:
    """Every song that has a prediction, voted on by this rule; the last stage tells suspected label errors."""
    songs, asked = len(song_ids), stages[: rule.max_stages]
    thresholds = rule.in_force(len(stages))
    decisions = decide(
        [each.spread(each.probabilities.max(axis=1), songs) for each in asked],
        [each.spread(each.is_ood, songs) for each in asked],
        thresholds[: len(asked)],
        [each.spread(np.ones(len(each.rows), dtype=np.bool_), songs) for each in asked],
    )
    votes = zip(song_ids, decisions.stages.tolist(), decisions.outcomes, strict=True)
    for song, (song_id, deciding, outcome) in enumerate(votes):
        having = [place for place, each in enumerate(stages) if song in each.row_of_song]
        if having:
            yield OofPrediction(
                song_id=song_id,
                verdicts=tuple(stages[place].verdict(song, thresholds[place]) for place in having),
                suspected_label_error=stages[having[-1]].is_suspected(song),
                outcome=outcome,
                deciding_stage=asked[deciding].stage.number,
            )


def write_song_ids(path: Path, song_ids: Sequence[str]) -> None:
    """Keep the callers' keys of the songs, by rows of the corpus."""
    path.write_text(json.dumps(song_ids))


def read_song_ids(path: Path) -> list[str]:
    """The keys, by rows of the corpus."""
    return list(json.loads(path.read_text()))
