"""Training on a made-up library whose truth is known: honest figures, found wrong tags, refusals."""

import numpy as np
import pytest
from inference.errors import TooFewGenresError, TooFewSongsError
from inference.training.cross_validation import fit_noise_robust, predict_oof, sampled
from inference.training.dataset import Dataset, LabelSource, single_label_dataset
from inference.training.fitting import (
    DISCRIMINANT,
    FITS,
    LOGISTIC,
    MLP_ENSEMBLE,
    RADIAL_BASIS,
    Recipe,
    fit_head,
)
from inference.training.labels import why_not
from inference.training.model_selection import LINEAR, STANDARD_ERRORS, best_candidate, beyond
from inference.training.options import TrainingOptions
from inference.training.stage_result import TrainedStage
from inference.training.stage_training import train_stage
from synthetic_library import SyntheticLibrary, synthetic_library

RECIPE = Recipe(algorithm=LOGISTIC, strength=0.01)
OTHERS = [
    Recipe(algorithm=DISCRIMINANT, shrinkage=0.3),
    Recipe(algorithm=RADIAL_BASIS, gamma=1.0, strength=10.0),
    Recipe(algorithm=MLP_ENSEMBLE, epochs=5),
]


def songs_of(library: SyntheticLibrary, vectors: np.ndarray) -> Dataset:
    return single_label_dataset(vectors, library.labels, library.artists, library.genres)


def train_on(library: SyntheticLibrary, seed: int = 0) -> TrainedStage:
    songs = single_label_dataset(library.vectors, library.labels, library.artists, library.genres)
    return train(songs, seed)


def train(songs: Dataset, seed: int = 0) -> TrainedStage:
    return train_stage(songs, TrainingOptions(seed=seed), lambda step, fraction: None)


@pytest.fixture(scope="module")
def library() -> SyntheticLibrary:
    return synthetic_library(seed=11)


@pytest.fixture(scope="module")
def trained(library: SyntheticLibrary) -> TrainedStage:
    return train_on(library)


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
    trained = train(
        single_label_dataset(both.vectors[seen], both.labels[seen], both.artists[seen], both.genres)
    )
    fresh = trained.head.logits(both.vectors[~seen]).argmax(axis=1) == both.truth[~seen]
    # 160 songs on either side: two standard errors of the difference are about 0.09.
    assert trained.out_of_fold.accuracy == pytest.approx(fresh.mean(), abs=0.1)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(1, 4))]
)
def test_planted_wrong_tags_are_found_out_of_fold(seed: int) -> None:
    library = synthetic_library(seed=100 + seed)
    out_of_fold = train_on(library).out_of_fold
    wrong = library.wrong[out_of_fold.predictions.rows]
    found = int((out_of_fold.suspected_label_errors & wrong).sum())
    assert found / wrong.sum() >= 0.6
    assert found / out_of_fold.suspected_label_errors.sum() >= 0.5


def test_both_readings_of_contradictions_are_reported() -> None:
    library = synthetic_library(seed=4, wrong=32)
    noise = train_on(library).noise
    if_wrong, if_right = noise.label_noise_rate, noise.overconfidence_if_right
    assert if_wrong > 0.1
    assert if_right == pytest.approx(if_wrong, abs=0.07)


def test_every_song_of_a_learned_genre_has_an_out_of_fold_prediction(
    library: SyntheticLibrary, trained: TrainedStage
) -> None:
    predictions = trained.out_of_fold.predictions
    assert predictions.rows.tolist() == list(range(len(library.labels)))
    assert predictions.probabilities.shape == (160, 16)
    assert predictions.probabilities.sum(axis=1) == pytest.approx(np.ones(160))


def test_labels_without_meaning_give_chance_out_of_fold(library: SyntheticLibrary) -> None:
    """If anything leaked from the held-out side, shuffled labels would show it."""
    shuffled = np.random.default_rng(0).permutation(16)[library.artists % 16]
    trained = train(single_label_dataset(library.vectors, shuffled, library.artists, library.genres))
    # Chance is 1/16; four standard errors of 160 songs above it are 0.14.
    assert trained.out_of_fold.accuracy < 0.14


def test_held_out_songs_leave_no_trace_in_the_standardisation(library: SyntheticLibrary) -> None:
    test = library.artists % 5 == 0
    spoiled = library.vectors.copy()
    spoiled[test] *= 1000
    clean_head, spoiled_head = (
        fit_noise_robust(songs_of(library, vectors).only(~test), RECIPE, seed=0, handle_noise=True)
        for vectors in (library.vectors, spoiled)
    )
    assert (clean_head.mean == spoiled_head.mean).all()
    assert (clean_head.weight == spoiled_head.weight).all()


def test_the_same_seed_trains_the_same_head(library: SyntheticLibrary, trained: TrainedStage) -> None:
    again = train_on(library)
    assert (again.head.weight == trained.head.weight).all()
    assert again.held_out == trained.held_out
    assert (
        again.out_of_fold.predictions.probabilities == trained.out_of_fold.predictions.probabilities
    ).all()


def test_scaling_lowers_the_calibration_error(trained: TrainedStage) -> None:
    calibration = trained.out_of_fold.calibration
    assert calibration.after < calibration.before


def test_genres_with_too_few_songs_or_artists_are_skipped_by_name() -> None:
    library = synthetic_library(seed=2, genres=6, wrong=0)
    one_artist = (library.labels == 1) & (library.artists != 5)
    few_songs = (library.labels == 2) & (library.artists > 11)
    artists = np.where(library.labels == 3, 15, library.artists)
    kept = ~one_artist & ~few_songs
    songs = single_label_dataset(library.vectors[kept], library.labels[kept], artists[kept], library.genres)
    trained = train(songs)
    assert trained.genres == ("genre 00", "genre 04", "genre 05")
    assert [(skip.genre, skip.reason) for skip in trained.skipped] == [
        ("genre 01", "2 songs, needs 5"),
        ("genre 02", "4 songs, needs 5"),
        ("genre 03", "songs of 1 artist, needs 2"),
    ]
    assert trained.head.bias.shape == (3,)
    assert set(trained.out_of_fold.predictions.rows) == set(np.flatnonzero(~np.isin(songs.labels, [1, 2, 3])))


def test_a_handful_of_songs_is_refused() -> None:
    library = synthetic_library(seed=3, genres=2, artists_per_genre=2, wrong=0)
    with pytest.raises(TooFewSongsError, match="8 labelled songs are too few"):
        train_on(library)


def test_a_single_genre_is_refused() -> None:
    library = synthetic_library(seed=3, genres=1, artists_per_genre=20, wrong=0)
    with pytest.raises(TooFewGenresError, match="at least 2 genres must have enough songs, and 1 does"):
        train_on(library)


def test_songs_of_one_artist_only_are_refused() -> None:
    library = synthetic_library(seed=3, genres=4, wrong=0)
    nobody = np.zeros_like(library.artists)
    with pytest.raises(TooFewGenresError, match=f"has {why_not(40, 1, 5)}"):
        train(single_label_dataset(library.vectors, library.labels, nobody, library.genres))


def test_two_genres_can_be_learned() -> None:
    library = synthetic_library(seed=4, genres=2, artists_per_genre=10, wrong=0)
    trained = train_on(library)
    assert trained.head.bias.shape == (2,)
    assert trained.out_of_fold.accuracy > 0.7


@pytest.mark.parametrize("recipe", [RECIPE, *OTHERS])
def test_a_genre_that_a_fold_never_saw_is_never_predicted_there(recipe: Recipe) -> None:
    library = synthetic_library(seed=6, genres=3, wrong=0)
    folds = np.where(library.labels == 2, 0, 1 + library.artists % 2)
    songs = songs_of(library, library.vectors)
    logits = predict_oof(songs, folds, recipe, seed=0, handle_noise=False, only=np.unique(folds)).logits
    assert np.isfinite(logits).all()
    assert (logits[folds == 0].argmax(axis=1) != 2).all()


def test_a_sample_of_a_large_library_takes_whole_artists() -> None:
    artists = np.repeat(np.arange(100), 7)
    kept = sampled(np.arange(700), artists, 140, seed=1)
    assert 130 < len(kept) <= 140
    assert all(np.isin(np.flatnonzero(artists == artist), kept).all() for artist in np.unique(artists[kept]))


def test_constant_values_do_no_harm(library: SyntheticLibrary) -> None:
    vectors = library.vectors.copy()
    vectors[:, :100] = 3.5
    head = fit_head(songs_of(library, vectors), RECIPE, seed=0, with_ood_distance=True)
    assert np.isfinite(head.distances(vectors)).all()
    assert np.isfinite(head.logits(vectors)).all()


def test_every_kind_of_head_is_tried_and_none_is_taken_that_is_likelier_by_more_than_chance(
    trained: TrainedStage, library: SyntheticLibrary
) -> None:
    candidates = trained.candidates
    assert {each.recipe.algorithm for each in candidates} == set(FITS)
    (taken,) = [each for each in candidates if each.recipe == trained.recipe]
    best = best_candidate(candidates)
    groups = library.artists[trained.validation.rows]
    assert beyond(best, taken, groups) <= STANDARD_ERRORS


def test_slow_heads_name_the_likeliest_linear_one_for_the_search_for_wrong_labels(
    trained: TrainedStage,
) -> None:
    linear = [each for each in trained.candidates if each.recipe.algorithm in LINEAR]
    quick = {each.recipe.quick for each in trained.candidates if each.recipe.algorithm not in LINEAR}
    assert len(quick) == 1
    assert quick < {each.recipe for each in linear}
    assert {each.recipe.quick for each in linear} == {None}


@pytest.mark.thorough
def test_perceptrons_are_chosen_where_genres_have_several_styles() -> None:
    """A genre that is two islands on either side of the others cannot be cut off by a plane."""
    random = np.random.default_rng(0)
    artists = np.repeat(np.arange(120), 4)
    labels = artists % 2
    side = np.where(artists // 2 % 2, 1.0, -1.0)
    hidden = random.normal(size=(480, 4)) * 0.5
    hidden[:, 0] += np.where(labels == 1, 2.5 * side, 0)
    hidden[:, 1] += np.where(labels == 0, 2.5 * side, 0)
    vectors = (hidden @ random.normal(size=(4, 40))).astype(np.float32)
    trained = train(single_label_dataset(vectors, labels, artists, ("a", "b")))
    assert trained.recipe.algorithm == MLP_ENSEMBLE
    assert trained.held_out.accuracy > 0.9


def test_no_artist_of_the_test_part_is_known_to_what_was_selected(trained: TrainedStage) -> None:
    tested = set(trained.test.groups)
    assert len(trained.test.rows) == trained.held_out.songs
    assert not tested & set(trained.validation.groups)


@pytest.mark.thorough
def test_a_song_of_two_genres_counts_for_each(library: SyntheticLibrary) -> None:
    """Half of the songs of a genre lose it as their first; it is learned from the others' further genres alone."""
    songs = single_label_dataset(library.vectors, library.labels, library.artists, library.genres)
    both = songs.multi_hot.copy()
    own = library.labels == 3
    both[own, 4] = True
    labels = np.where(own, 4, library.labels)
    trained = train(
        Dataset(
            vectors=songs.vectors,
            multi_hot=both,
            labels=labels,
            sources=songs.sources,
            groups=songs.groups,
            genres=songs.genres,
        )
    )
    assert "genre 03" in trained.genres
    predictions = trained.out_of_fold.predictions
    predicted = predictions.probabilities.argmax(axis=1)
    assert np.isin(predicted[own], [3, 4]).mean() > 0.6
    assert set(predicted[own]) >= {3, 4}


@pytest.mark.thorough
def test_overrides_are_never_dropped(library: SyntheticLibrary) -> None:
    by_hand = single_label_dataset(
        library.vectors, library.labels, library.artists, library.genres, LabelSource.OVERRIDE
    )
    trained = train(by_hand)
    assert trained.noise.suspected_label_errors > 8
    assert (trained.noise.dropped_labels, trained.noise.down_weighted_labels) == (0, 0)


@pytest.mark.parametrize("seed", range(2))
def test_without_the_wrong_labels_more_is_right(seed: int) -> None:
    """Against the truth, on songs of artists that were not in training."""
    library = synthetic_library(seed=200 + seed, artists_per_genre=10, wrong=32)
    seen = library.artists % 10 < 5
    songs = songs_of(library, library.vectors).only(seen)
    with_it, without = (
        fit_noise_robust(songs, RECIPE, seed=0, handle_noise=handle)
        .logits(library.vectors[~seen])
        .argmax(axis=1)
        for handle in (True, False)
    )
    truth = library.truth[~seen]
    assert np.mean(with_it == truth) > np.mean(without == truth)
