"""Training on a made-up library whose truth is known: honest figures, found wrong tags, refusals."""

import numpy as np
import pytest
from inference.errors import TooFewGenresError, TooFewSongsError
from inference.fitting import fit_head
from inference.options import TrainingOptions
from inference.training import (
    LabelledSongs,
    Part,
    TrainedStage,
    measure,
    out_of_fold_logits,
    sampled_groups,
    train_stage,
)
from synthetic_library import SyntheticLibrary, synthetic_library


def train(library: SyntheticLibrary, seed: int = 0) -> TrainedStage:
    songs = LabelledSongs(
        vectors=library.vectors, labels=library.labels, groups=library.artists, genres=library.genres
    )
    return train_stage(songs, TrainingOptions(seed=seed), lambda step, fraction: None)


@pytest.fixture(scope="module")
def library() -> SyntheticLibrary:
    return synthetic_library(seed=11)


@pytest.fixture(scope="module")
def trained(library: SyntheticLibrary) -> TrainedStage:
    return train(library)


def test_held_out_artists_are_recognised_well_above_the_majority(trained: TrainedStage) -> None:
    figures = trained.held_out
    assert 28 <= figures.songs <= 36
    assert 0.55 < figures.accuracy < 0.99
    assert figures.majority_baseline_accuracy < 0.2
    assert 0.5 < figures.macro_f1 <= 1.0


def test_out_of_fold_accuracy_agrees_with_fresh_songs_of_fresh_artists() -> None:
    """Twice as many artists, half of them never shown: out of fold must not promise more than they keep."""
    both = synthetic_library(seed=5, artists_per_genre=10, wrong=0)
    seen = both.artists % 10 < 5
    songs = LabelledSongs(
        vectors=both.vectors[seen], labels=both.labels[seen], groups=both.artists[seen], genres=both.genres
    )
    trained = train_stage(songs, TrainingOptions(), lambda step, fraction: None)
    fresh = trained.head.logits(both.vectors[~seen]).argmax(axis=1) == both.truth[~seen]
    # 160 songs on either side: two standard errors of the difference are about 0.09.
    assert trained.out_of_fold.accuracy == pytest.approx(fresh.mean(), abs=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_planted_wrong_tags_are_found_out_of_fold(seed: int) -> None:
    library = synthetic_library(seed=100 + seed)
    out_of_fold = train(library).out_of_fold
    wrong = library.wrong[out_of_fold.rows]
    found = int((out_of_fold.suspects & wrong).sum())
    assert found / wrong.sum() >= 0.6
    assert found / out_of_fold.suspects.sum() >= 0.5


def test_every_song_of_a_learned_genre_has_an_out_of_fold_prediction(
    library: SyntheticLibrary, trained: TrainedStage
) -> None:
    assert trained.out_of_fold.rows.tolist() == list(range(len(library.labels)))
    assert trained.out_of_fold.probabilities.shape == (160, 16)
    assert trained.out_of_fold.probabilities.sum(axis=1) == pytest.approx(np.ones(160))


def test_labels_without_meaning_give_chance_out_of_fold(library: SyntheticLibrary) -> None:
    """If anything leaked from the held-out side, shuffled labels would show it."""
    shuffled = np.random.default_rng(0).permutation(16)[library.artists % 16]
    songs = LabelledSongs(
        vectors=library.vectors, labels=shuffled, groups=library.artists, genres=library.genres
    )
    trained = train_stage(songs, TrainingOptions(), lambda step, fraction: None)
    # Chance is 1/16; four standard errors of 160 songs above it are 0.14.
    assert trained.out_of_fold.accuracy < 0.14


def test_held_out_songs_leave_no_trace_in_the_standardisation(library: SyntheticLibrary) -> None:
    test = library.artists % 5 == 0
    spoiled = library.vectors.copy()
    spoiled[test] *= 1000
    labels = library.labels.astype(np.intp)
    clean_part, spoiled_part = (
        Part(vectors=vectors, labels=labels, groups=library.artists) for vectors in (library.vectors, spoiled)
    )
    clean_head, spoiled_head = (
        fit_head(part.only(~test).vectors, labels[~test], genre_count=16, strength=0.01)
        for part in (clean_part, spoiled_part)
    )
    assert (clean_head.mean == spoiled_head.mean).all()
    clean = measure(clean_part, test, strength=0.01, temperature=1.0, genres=library.genres)
    assert (
        clean.accuracy
        > measure(spoiled_part, test, strength=0.01, temperature=1.0, genres=library.genres).accuracy
    )


def test_the_same_seed_trains_the_same_head(library: SyntheticLibrary, trained: TrainedStage) -> None:
    again = train(library)
    assert (again.head.weight == trained.head.weight).all()
    assert again.held_out == trained.held_out
    assert (again.out_of_fold.probabilities == trained.out_of_fold.probabilities).all()


def test_temperature_scaling_lowers_the_calibration_error(trained: TrainedStage) -> None:
    assert trained.held_out.calibration_error_after < trained.held_out.calibration_error_before


def test_genres_with_too_few_songs_or_artists_are_skipped_by_name() -> None:
    library = synthetic_library(seed=2, genres=6, wrong=0)
    one_artist = (library.labels == 1) & (library.artists != 5)
    few_songs = (library.labels == 2) & (library.artists > 11)
    artists = np.where(library.labels == 3, 15, library.artists)
    kept = ~one_artist & ~few_songs
    songs = LabelledSongs(
        vectors=library.vectors[kept],
        labels=library.labels[kept],
        groups=artists[kept],
        genres=library.genres,
    )
    trained = train_stage(songs, TrainingOptions(), lambda step, fraction: None)
    assert trained.genres == ("genre 00", "genre 04", "genre 05")
    assert [(skip.genre, skip.reason) for skip in trained.skipped] == [
        ("genre 01", "2 songs, needs 5"),
        ("genre 02", "4 songs, needs 5"),
        ("genre 03", "songs of 1 artist, needs 2"),
    ]
    assert trained.head.weight.shape == (518, 3)
    assert set(trained.out_of_fold.rows) == set(np.flatnonzero(~np.isin(songs.labels, [1, 2, 3])))


def test_a_handful_of_songs_is_refused() -> None:
    library = synthetic_library(seed=3, genres=2, artists_per_genre=2, wrong=0)
    with pytest.raises(TooFewSongsError, match="8 labelled songs are too few"):
        train(library)


def test_a_single_genre_is_refused() -> None:
    library = synthetic_library(seed=3, genres=1, artists_per_genre=20, wrong=0)
    with pytest.raises(TooFewGenresError, match="at least 2 genres must have enough songs, and 1 do"):
        train(library)


def test_songs_of_one_artist_only_are_refused() -> None:
    library = synthetic_library(seed=3, genres=4, wrong=0)
    songs = LabelledSongs(
        vectors=library.vectors,
        labels=library.labels,
        groups=np.zeros_like(library.artists),
        genres=library.genres,
    )
    with pytest.raises(TooFewGenresError, match="songs of 1 artist, needs 2"):
        train_stage(songs, TrainingOptions(), lambda step, fraction: None)


def test_two_genres_can_be_learned() -> None:
    library = synthetic_library(seed=4, genres=2, artists_per_genre=10, wrong=0)
    trained = train(library)
    assert trained.head.weight.shape == (518, 2)
    assert trained.out_of_fold.accuracy > 0.7


def test_a_genre_that_a_fold_never_saw_is_never_predicted_there() -> None:
    library = synthetic_library(seed=6, genres=3, wrong=0)
    part = Part(vectors=library.vectors, labels=library.labels.astype(np.intp), groups=library.artists)
    folds = np.where(library.labels == 2, 0, 1 + library.artists % 2)
    logits = out_of_fold_logits(part, folds, 3, 0.01)
    assert np.isfinite(logits).all()
    assert (logits[folds == 0].argmax(axis=1) != 2).all()


def test_a_sample_of_a_large_library_takes_whole_artists() -> None:
    artists = np.repeat(np.arange(100), 7)
    kept = sampled_groups(artists, 140, seed=1)
    assert 130 < kept.sum() <= 140
    assert all(kept[artists == artist].all() for artist in np.unique(artists[kept]))


def test_constant_values_do_no_harm(library: SyntheticLibrary) -> None:
    vectors = library.vectors.copy()
    vectors[:, :100] = 3.5
    head = fit_head(vectors, library.labels, genre_count=16, strength=0.01)
    assert np.isfinite(head.logits(vectors)).all()
