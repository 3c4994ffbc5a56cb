"""Splits never have an artist on both sides, and every side has its share of each genre."""

import numpy as np
import pytest
from inference.training.splits import grouped_folds, lasting_order
from synthetic_library import synthetic_library


@pytest.mark.parametrize("seed", range(5))
def test_no_artist_is_in_two_folds(seed: int) -> None:
    library = synthetic_library(seed=seed)
    folds = grouped_folds(library.labels, library.artists, folds=5, seed=seed)
    for artist in np.unique(library.artists):
        assert len(set(folds[library.artists == artist])) == 1


@pytest.mark.parametrize("seed", range(5))
def test_five_artists_of_a_genre_go_into_five_folds(seed: int) -> None:
    library = synthetic_library(seed=seed, wrong=0)
    folds = grouped_folds(library.labels, library.artists, folds=5, seed=seed)
    for genre in range(16):
        assert np.bincount(folds[library.labels == genre], minlength=5).tolist() == [2, 2, 2, 2, 2]


def test_two_artists_of_a_rare_genre_never_share_a_fold() -> None:
    labels = np.array([0] * 40 + [1] * 6)
    artists = np.array([*range(40), *[100] * 3, *[101] * 3])
    for seed in range(20):
        folds = grouped_folds(labels, artists, folds=5, seed=seed)
        assert folds[40] != folds[43]


def test_the_same_seed_gives_the_same_folds_and_another_seed_others() -> None:
    library = synthetic_library(seed=1)
    first, again, other = (
        grouped_folds(library.labels, library.artists, folds=5, seed=seed) for seed in (7, 7, 8)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_fewer_artists_than_folds_give_as_many_folds_as_artists() -> None:
    folds = grouped_folds(np.array([0, 0, 1, 1]), np.array([3, 3, 9, 9]), folds=5, seed=0)
    assert sorted(set(folds)) == [0, 1]


def test_a_seed_that_numpy_drew_orders_artists_as_the_same_number_does() -> None:
    names = np.arange(50)
    for kind in (np.int64, np.uint64):
        assert (lasting_order(names, kind(20200821)) == lasting_order(names, 20200821)).all()
