"""What a training said of its songs out of fold, read from the files that lie with its heads."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.classify.probabilities import best_genres
from inference.classify.stages import Stage
from inference.classify.verdicts import Outcome, Rule, StageVerdict, deciding, outcome_of
from inference.registry.records import HeadRecord

OUT_OF_FOLD_FILE = "out_of_fold.npz"
SONGS_FILE = "songs.json"
TOP = 5


@dataclass(frozen=True, kw_only=True)
class HeardOutOfFold:
    """What models that never heard a song's artist say of it."""

    song_id: str
    verdicts: tuple[StageVerdict, ...]
    """Of every stage that it has the vectors for, also after the one with the last word."""
    label_suspect: bool
    outcome: Outcome
    deciding_stage: int
    """Number of the stage with the last word."""


@dataclass(frozen=True, kw_only=True)
class StagePredictions:
    """Out-of-fold predictions of one stage."""

    stage: Stage
    version: str
    genres: tuple[str, ...]
    feature_versions: tuple[str, ...]
    row_of_song: Mapping[int, int]
    """From the row of the corpus to that of the arrays."""
    probabilities: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    suspects: np.ndarray[tuple[int], np.dtype[np.bool_]]
    strange: np.ndarray[tuple[int], np.dtype[np.bool_]]
    """Farther from the songs that such a model learned from than nearly all others."""


def read_predictions(folder: Path, stage: Stage, version: str, record: HeadRecord) -> StagePredictions | None:
    """Those that lie in the folder of a head; None for a head of before they were kept."""
    try:
        with np.load(folder / OUT_OF_FOLD_FILE, allow_pickle=False) as arrays:
            return StagePredictions(
                stage=stage,
                version=version,
                genres=record.genres,
                feature_versions=tuple(record.feature_versions.values()),
                row_of_song={int(song): row for row, song in enumerate(arrays["rows"])},
                probabilities=arrays["probabilities"],
                suspects=arrays["suspects"],
                # Files of before there were distances know of no stranger.
                strange=arrays["strange"] if "strange" in arrays else np.zeros_like(arrays["suspects"]),
            )
    except FileNotFoundError:
        return None


def heard_out_of_fold(
    song_ids: Sequence[str], predictions: Sequence[StagePredictions], rule: Rule
) -> Iterator[HeardOutOfFold]:
    """Every song that has a prediction, voted on by this rule; the last stage says whether the label is suspect."""
    for song, song_id in enumerate(song_ids):
        having = [of for of in predictions if song in of.row_of_song]
        if having:
            last = having[-1]
            verdicts = tuple(verdict_of(of, of.row_of_song[song], rule) for of in having)
            asked = verdicts[: rule.max_stages]
            yield HeardOutOfFold(
                song_id=song_id,
                verdicts=verdicts,
                label_suspect=bool(last.suspects[last.row_of_song[song]]),
                outcome=outcome_of(asked),
                deciding_stage=deciding(asked).stage,
            )


def verdict_of(predictions: StagePredictions, row: int, rule: Rule) -> StageVerdict:
    """The verdict on one song."""
    return StageVerdict(
        stage=predictions.stage.number,
        model_version=predictions.version,
        top=best_genres(predictions.probabilities[row], predictions.genres, TOP),
        threshold=rule.threshold(predictions.stage),
        feature_versions=predictions.feature_versions,
        strange=bool(predictions.strange[row]),
    )


def write_song_ids(path: Path, song_ids: Sequence[str]) -> None:
    """Keep the callers' keys of the songs, by the rows that predictions name."""
    path.write_text(json.dumps(song_ids))


def read_song_ids(path: Path) -> list[str]:
    """The keys; none for a model of before they were kept."""
    try:
        return list(json.loads(path.read_text()))
    except FileNotFoundError:
        return []
