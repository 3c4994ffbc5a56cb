"""What can be promised of the sound's verdicts once people have judged: coverage and calibration in their reading."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Floats, Ints
from inference.decision.decision_model import DecisionModel, Reading
from inference.decision.evidence import NONE, AlbumKind, Evidence
from inference.decision.noise_reading import NoiseReading
from inference.decision.posterior import Sources, decide
from inference.evaluation.calibration import calibration_error
from inference.evaluation.coverage import Coverage, ScoredSongs, coverage_of

HALF_WIDTH = 1.645
"""Standard deviations from the middle of a 90 % interval to its ends."""
OWN = Sources(albums=False, artists=False)


@dataclass(frozen=True, kw_only=True)
class HeldOutSongs:
    """What is kept of the songs of a training, so that it can be read anew; all arrays have one row a song."""

    sound: Floats
    """[songs, genres] calibrated, out of fold, of the stage that decides."""
    labels: Bools
    """[songs, genres] the genres that their labels name."""
    is_tag: Bools
    """[songs] the label is a tag, which may be wrong; else somebody's word."""
    groups: Ints
    """[songs] artist"""

    @property
    def best(self) -> NDArray[np.intp]:
        """[songs] the likeliest genre by sound."""
        return np.asarray(self.sound.argmax(axis=1))

    @property
    def labelled(self) -> NDArray[np.float64]:
        """[songs] 1 where the label names the likeliest genre, else 0."""
        return self.labels[np.arange(len(self.labels)), self.best].astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class ReadFigures:
    """Figures of the sound's verdicts in a reading."""

    coverage: Coverage
    calibration_error: float
    overconfidence: float
    """By how much confidences are too high on the mean."""


def figures_in(model: DecisionModel, songs: HeldOutSongs, reading: NoiseReading) -> ReadFigures:
    """Coverage, promise and calibration in a reading; before anybody has judged every label is taken at its word.

    Of a song with a tag the probability counts that its best genre is right, given its sound and its tag: so wrong
    tags lower nothing, and what is not known of their share is part of every interval.
    """
    right, unknown = songs.labelled, None
    if reading.judgements:
        low, right, high = (
            right_in(model, songs, each) for each in (reading.low, reading.mean, reading.high)
        )
        unknown = np.abs(high - low) / (2 * HALF_WIDTH)
    confidence = songs.sound.max(axis=1)
    return ReadFigures(
        coverage=coverage_of(
            ScoredSongs(
                confidence=confidence,
                right=right,
                labels=songs.labels.argmax(axis=1),
                groups=songs.groups,
                unknown=unknown,
            )
        ),
        calibration_error=calibration_error(confidence, right),
        overconfidence=float(np.mean(confidence - right)),
    )


def right_in(model: DecisionModel, songs: HeldOutSongs, reading: Reading) -> NDArray[np.float64]:
    """[songs] probability that the best genre by sound is right, given sound and label."""
    nowhere = np.full(len(songs.sound), NONE)
    evidence = Evidence(
        sound=songs.sound.astype(np.float64),
        tags=songs.labels & songs.is_tag[:, np.newaxis],
        albums=nowhere,
        artists=nowhere,
        kinds=np.full(len(songs.sound), AlbumKind.ARTIST),
        recordings=np.arange(len(songs.sound)),
    )
    final = decide(model, evidence, reading, OWN).final[np.arange(len(songs.sound)), songs.best]
    return np.where(songs.is_tag, final, songs.labelled)
