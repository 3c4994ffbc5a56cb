"""Confidence means what it says: on songs whose true posterior is known, trained and scored as the service does."""

from dataclasses import dataclass

import numpy as np
import pytest
from inference.classify.probabilities import softmax
from inference.evaluation.calibration import calibration_error, sampling_error
from inference.training.dataset import single_label_dataset
from inference.training.options import TrainingOptions
from inference.training.stage_result import TrainedStage
from inference.training.stage_training import train_stage

pytestmark = pytest.mark.thorough

GENRES, DIMENSIONS, WIDTH = 8, 6, 40
SONGS_AN_ARTIST = 2


@dataclass(frozen=True, kw_only=True)
class World:
    """Genres as Gaussians of one spread in a few hidden dimensions, so that the posterior is known exactly."""

    centres: np.ndarray
    seen_through: np.ndarray

    def songs(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vectors, genres, and the true probability of each genre."""
        random = np.random.default_rng(seed)
        genres = random.integers(GENRES, size=count)
        hidden = self.centres[genres] + random.normal(size=(count, DIMENSIONS))
        squares = ((hidden[:, np.newaxis] - self.centres) ** 2).sum(axis=2)
        return (hidden @ self.seen_through).astype(np.float32), genres, softmax(-squares / 2)


@pytest.fixture(scope="module")
def world() -> World:
    random = np.random.default_rng(1)
    return World(
        centres=random.normal(size=(GENRES, DIMENSIONS)) * 1.3,
        seen_through=random.normal(size=(DIMENSIONS, WIDTH)) * np.exp(random.normal(size=WIDTH)),
    )


@pytest.fixture(scope="module")
def trained(world: World) -> TrainedStage:
    vectors, genres, _ = world.songs(3000, seed=2)
    artists = np.arange(3000) // SONGS_AN_ARTIST
    names = tuple(f"genre {number}" for number in range(GENRES))
    songs = single_label_dataset(vectors, genres, artists, names)
    return train_stage(songs, TrainingOptions(seed=3), lambda step, fraction: None)


def served(trained: TrainedStage, vectors: np.ndarray) -> np.ndarray:
    return softmax(trained.head.logits(vectors), trained.out_of_fold.scaling.temperature)


def test_probabilities_of_the_served_head_are_calibrated_on_fresh_songs(
    world: World, trained: TrainedStage
) -> None:
    vectors, genres, posterior = world.songs(4000, seed=4)
    probabilities = served(trained, vectors)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == genres
    # A perfect answer would show about 0.015 by chance.
    assert sampling_error(confidence) < 0.02
    assert calibration_error(confidence, right) <= 0.05
    # Against the posterior itself, which no draw of labels blurs.
    assert np.abs(probabilities - posterior).max(axis=1).mean() <= 0.05


def test_the_report_says_of_the_calibration_what_fresh_songs_show(
    world: World, trained: TrainedStage
) -> None:
    vectors, genres, _ = world.songs(4000, seed=5)
    probabilities = served(trained, vectors)
    fresh = calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == genres)
    said = trained.out_of_fold.calibration
    assert said.after <= 0.05
    # A discriminant is nearly calibrated before: the number of songs alone moves both by so much.
    assert said.after <= said.before + said.sampling
    assert abs(said.after - fresh) <= 0.03


def test_the_threshold_for_95_percent_gives_at_least_93_on_fresh_songs(
    world: World, trained: TrainedStage
) -> None:
    point = trained.coverage.promise
    assert point is not None
    vectors, genres, _ = world.songs(8000, seed=6)
    probabilities = served(trained, vectors)
    reached = probabilities.max(axis=1) >= point.threshold
    assert 0.2 < point.coverage < 0.9
    assert reached.mean() == pytest.approx(point.coverage, abs=0.05)
    precision = (probabilities.argmax(axis=1) == genres)[reached].mean()
    assert precision >= 0.93
    assert point.accuracy_low <= precision


def test_an_overconfident_head_has_no_such_precision_without_calibration(
    world: World, trained: TrainedStage
) -> None:
    """What the calibration is for: the same head, colder, promises 95 % and keeps much less."""
    vectors, genres, _ = world.songs(4000, seed=7)
    cold = softmax(trained.head.logits(vectors), trained.out_of_fold.scaling.temperature / 4)
    reached = cold.max(axis=1) >= 0.95
    assert (cold.argmax(axis=1) == genres)[reached].mean() < 0.93


def test_the_promise_is_among_the_points_of_the_curve(trained: TrainedStage) -> None:
    assert trained.coverage.promise in trained.coverage.points
    thresholds = [each.threshold for each in trained.coverage.points]
    assert thresholds == sorted(thresholds)
