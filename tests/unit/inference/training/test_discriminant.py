"""The discriminant against scikit-learn's, and what soft targets and weights of songs mean to it."""

import numpy as np
import pytest
from inference.training.discriminant import CHUNK_ROWS, class_scatter, fit_discriminant
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

GENRES = 4


def blobs(songs: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = np.arange(songs) % GENRES
    centres = random.normal(size=(GENRES, width))
    spread = np.exp(random.normal(size=width))
    return (centres[labels] + spread * random.normal(size=(songs, width))).astype(np.float32), labels


def targets_of(labels: np.ndarray) -> np.ndarray:
    return np.eye(GENRES, dtype=np.float32)[labels]


def discriminant_of(
    vectors: np.ndarray, soft_targets: np.ndarray, weights: np.ndarray | None = None, shrinkage: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    weights = np.ones(len(vectors), dtype=np.float32) if weights is None else weights
    ((weight, bias),) = fit_discriminant(vectors, soft_targets, weights, shrinkages=[shrinkage])
    return weight, bias


@pytest.mark.parametrize("songs", [300, 24, CHUNK_ROWS + 40], ids=["many", "fewer than values", "chunks"])
@pytest.mark.parametrize("shrinkage", [0.1, 0.9])
def test_the_discriminant_is_that_of_scikit_learn(songs: int, shrinkage: float) -> None:
    vectors, labels = blobs(songs, 30)
    weight, bias = discriminant_of(vectors, targets_of(labels), shrinkage=shrinkage)
    other = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
    other.fit(vectors.astype(np.float64), labels)
    # float32 products.
    assert weight == pytest.approx(other.coef_.T, rel=1e-3, abs=1e-3)
    assert bias == pytest.approx(other.intercept_, rel=1e-4, abs=1e-3)


def test_several_shrinkages_are_each_that_of_its_own_fit() -> None:
    vectors, labels = blobs(120, 10)
    weights = np.ones(120, dtype=np.float32)
    together = fit_discriminant(vectors, targets_of(labels), weights, shrinkages=[0.1, 0.6])
    assert (together[1][0] == discriminant_of(vectors, targets_of(labels), shrinkage=0.6)[0]).all()


def test_a_song_of_twice_the_weight_is_that_song_twice() -> None:
    vectors, labels = blobs(120, 10)
    weights = np.ones(120, dtype=np.float32)
    weights[:30] = 2
    weighted = discriminant_of(vectors, targets_of(labels), weights)
    doubled = discriminant_of(
        np.concatenate([vectors, vectors[:30]]), targets_of(np.concatenate([labels, labels[:30]]))
    )
    assert weighted[0] == pytest.approx(doubled[0], abs=1e-4)
    assert weighted[1] == pytest.approx(doubled[1], abs=1e-4)


def test_a_song_of_two_genres_is_half_a_song_of_each() -> None:
    vectors, labels = blobs(120, 10)
    soft_targets = targets_of(labels)
    soft_targets[:30] = (soft_targets[:30] + targets_of((labels[:30] + 1) % GENRES)) / 2
    together = discriminant_of(vectors, soft_targets)
    doubled = np.concatenate([vectors, vectors[:30]])
    hard = targets_of(np.concatenate([labels, (labels[:30] + 1) % GENRES]))
    halves = np.concatenate([np.full(30, 0.5), np.ones(90), np.full(30, 0.5)]).astype(np.float32)
    apart = discriminant_of(doubled, hard, halves)
    assert together[0] == pytest.approx(apart[0], abs=1e-4)


def test_fewer_songs_than_values_are_seen_in_the_space_of_the_songs() -> None:
    vectors, labels = blobs(24, 30)
    scatter = class_scatter(vectors, targets_of(labels), np.ones(24, dtype=np.float32))
    assert scatter.covariance.shape == (24, 24)


def test_songs_that_never_differ_do_no_harm() -> None:
    vectors = np.zeros((40, 6), dtype=np.float32)
    weight, bias = discriminant_of(vectors, targets_of(np.arange(40) % GENRES))
    assert np.isfinite(weight).all()
    assert bias == pytest.approx(np.log(np.full(GENRES, 0.25)))
