"""Songs unlike the training are far from it, and fresh songs of known genres are not."""

import numpy as np
import pytest
from inference.training.dataset import single_label_dataset
from inference.training.fitting import LOGISTIC, Recipe, fit_head
from inference.training.head import Head
from inference.training.options import TrainingOptions
from inference.training.stage_result import TrainedStage
from inference.training.stage_training import train_stage
from synthetic_library import SyntheticLibrary, synthetic_library


@pytest.fixture(scope="module")
def library() -> SyntheticLibrary:
    """Twenty artists a genre, of which every second is kept for later."""
    return synthetic_library(seed=8, artists_per_genre=20, wrong=0)


@pytest.fixture(scope="module")
def trained(library: SyntheticLibrary) -> TrainedStage:
    seen = library.artists % 2 == 0
    songs = single_label_dataset(
        library.vectors[seen], library.labels[seen], library.artists[seen], library.genres
    )
    return train_stage(songs, TrainingOptions(), lambda step, fraction: None)


def share_beyond(trained: TrainedStage, vectors: np.ndarray) -> float:
    return float(np.mean(trained.head.distances(vectors) > trained.out_of_fold.ood_threshold))


def test_hardly_any_fresh_song_of_a_known_genre_is_out_of_distribution(
    library: SyntheticLibrary, trained: TrainedStage
) -> None:
    # 320 songs: 0.75 % are 2 or 3 of them, and chance makes up to 8 of that.
    assert share_beyond(trained, library.vectors[library.artists % 2 == 1]) <= 0.025
    assert 0.005 <= trained.out_of_fold.ood_rate <= 0.01


def alike(other: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The same, each value with the mean and spread that it has among known songs."""
    spread = other.std(axis=0)
    spread[spread == 0] = 1
    return ((other - other.mean(axis=0)) / spread * known.std(axis=0) + known.mean(axis=0)).astype(np.float32)


def test_songs_of_another_world_are_out_of_distribution(
    library: SyntheticLibrary, trained: TrainedStage
) -> None:
    """Each value is an everyday one; only together they are like nothing in the training."""
    other = synthetic_library(seed=77, artists_per_genre=2).vectors
    assert share_beyond(trained, alike(other, library.vectors)) >= 0.95


def test_noise_is_out_of_distribution(library: SyntheticLibrary, trained: TrainedStage) -> None:
    noise = np.random.default_rng(0).normal(size=(60, 518))
    assert share_beyond(trained, alike(noise, library.vectors)) >= 0.95


def test_songs_far_out_in_a_known_direction_are_out_of_distribution(
    library: SyntheticLibrary, trained: TrainedStage
) -> None:
    middle = library.vectors.mean(axis=0)
    assert share_beyond(trained, middle + 4 * (library.vectors[:80] - middle)) >= 0.95


def test_a_head_that_only_chooses_a_recipe_knows_no_distance(library: SyntheticLibrary) -> None:
    songs = single_label_dataset(library.vectors, library.labels, library.artists, library.genres)
    head: Head = fit_head(songs, Recipe(algorithm=LOGISTIC, strength=0.01), seed=0)
    assert head.ood_distance is None
    assert (head.distances(library.vectors) == 0).all()
