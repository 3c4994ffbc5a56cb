"""Features of radial basis functions: the kernel that they stand for, and landmarks."""

import numpy as np
import pytest
from inference.training.kernel_features import (
    MAX_LANDMARKS,
    choose_landmarks,
    nystrom_map,
    radial_basis,
    squared_distances,
)
from sklearn.metrics.pairwise import rbf_kernel


def songs(count: int = 60, width: int = 9) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, width)).astype(np.float32)


def test_features_are_the_kernel_of_songs_and_landmarks() -> None:
    vectors = songs()
    features = radial_basis(squared_distances(vectors, np.ascontiguousarray(vectors[:7].T)), 0.2)
    assert features == pytest.approx(rbf_kernel(vectors, vectors[:7], gamma=0.2), abs=1e-5)


def test_with_every_song_a_landmark_products_of_features_are_the_kernel() -> None:
    vectors = songs()
    landmarks = np.ascontiguousarray(vectors.T)
    features = radial_basis(squared_distances(vectors, landmarks), 0.2) @ nystrom_map(landmarks, 0.2)
    assert features @ features.T == pytest.approx(rbf_kernel(vectors, gamma=0.2), abs=2e-3)


def test_landmarks_that_are_the_same_song_count_once() -> None:
    vectors = np.repeat(songs(5), 4, axis=0)
    mapped = nystrom_map(np.ascontiguousarray(vectors.T), 0.2)
    assert mapped.shape == (20, 5)
    assert np.abs(mapped).max() < 100


def test_landmarks_are_songs_that_count_and_not_too_many() -> None:
    vectors = songs(3 * MAX_LANDMARKS)
    weights = np.ones(len(vectors), dtype=np.float32)
    weights[MAX_LANDMARKS // 2 :] = 0
    landmarks = choose_landmarks(vectors, weights, seed=0)
    assert sorted(map(tuple, landmarks.T)) == sorted(map(tuple, vectors[: MAX_LANDMARKS // 2]))
    assert choose_landmarks(vectors, np.ones_like(weights), seed=0).shape == (9, MAX_LANDMARKS)


def test_songs_of_rare_genres_are_likelier_landmarks() -> None:
    vectors = songs(8 * MAX_LANDMARKS)
    weights = np.ones(len(vectors), dtype=np.float32)
    weights[: MAX_LANDMARKS // 4] = 50
    landmarks = set(map(tuple, choose_landmarks(vectors, weights, seed=0).T))
    assert sum(tuple(vector) in landmarks for vector in vectors[: MAX_LANDMARKS // 4]) > MAX_LANDMARKS / 4 / 2
