"""One recording under two names is found, and songs that only resemble each other are not taken for one."""

import numpy as np
import pytest
from inference.training.same_recordings import same_recordings
from synthetic_library import synthetic_library


def test_songs_of_an_artist_are_no_copies() -> None:
    library = synthetic_library(seed=1, artists_per_genre=10, songs_per_artist=5)
    assert same_recordings(library.vectors) == []


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_another_encoding_is_found_also_where_each_song_is_there_twice(share: float) -> None:
    vectors = synthetic_library(seed=2, artists_per_genre=10).vectors
    count = int(share * len(vectors))
    # What an encoder changes is a small part of what songs differ by, in each value.
    noise = 0.05 * vectors.std(axis=0) * np.random.default_rng(3).normal(size=(count, vectors.shape[1]))
    both = np.concatenate([vectors, vectors[:count] + noise.astype(np.float32)])
    assert sorted(same_recordings(both)) == [(row, len(vectors) + row) for row in range(count)]


def test_constant_values_and_a_handful_of_songs_do_no_harm() -> None:
    vectors = synthetic_library(seed=4).vectors
    vectors[:, :100] = 3.5
    assert same_recordings(vectors) == []
    assert same_recordings(vectors[:5]) == []


def test_equal_songs_are_linked_without_a_pair_for_every_two_of_them() -> None:
    vectors = synthetic_library(seed=5, artists_per_genre=20).vectors
    vectors[:300] = vectors[0]
    pairs = same_recordings(vectors)
    assert {(row, row + 1) for row in range(299)} <= set(pairs)
    assert len(pairs) < 300 * 25
