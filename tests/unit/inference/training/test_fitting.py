"""Heads against scikit-learn and mathematics: the minimum of the regression, gradients of the perceptrons, weights."""

import numpy as np
import pytest
from inference.training.dataset import Dataset, LabelSource
from inference.training.fitting import (
    DETAILS,
    DISCRIMINANT,
    FITS,
    LOGISTIC,
    MAX_SAMPLES_SEEN,
    MAX_SPREAD,
    MLP_ENSEMBLE,
    RADIAL_BASIS,
    Recipe,
    fit_head,
    fit_heads,
    prepared,
    with_rare_genres_raised,
)
from inference.training.logistic_regression import cross_entropy, fit_logistic
from inference.training.mlp_ensemble import Architecture, RunningMean, gradients, initial_weights, train
from sklearn.linear_model import LogisticRegression

RECIPES = [
    Recipe(algorithm=DISCRIMINANT, shrinkage=0.3),
    Recipe(algorithm=LOGISTIC, strength=0.05),
    Recipe(algorithm=RADIAL_BASIS, gamma=1.0, strength=10.0),
    Recipe(algorithm=MLP_ENSEMBLE, epochs=20),
]


def blobs(songs: int = 300, genres: int = 4, width: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(genres, size=songs)
    centres = random.normal(size=(genres, width))
    return (centres[labels] + random.normal(size=(songs, width))).astype(np.float32), labels


def targets_of(labels: np.ndarray, genres: int = 4) -> np.ndarray:
    return np.eye(genres, dtype=np.float32)[labels]


def songs_of(vectors: np.ndarray, multi_hot: np.ndarray) -> Dataset:
    return Dataset(
        vectors=vectors,
        multi_hot=multi_hot,
        labels=multi_hot.argmax(axis=1),
        sources=np.full(len(vectors), LabelSource.TAG),
        groups=np.arange(len(vectors)),
        genres=tuple(map(str, range(multi_hot.shape[1]))),
    )


@pytest.mark.parametrize("strength", [0.003, 0.1])
def test_the_regression_finds_the_minimum_that_scikit_learn_finds(strength: float) -> None:
    vectors, labels = blobs()
    weights = np.random.default_rng(1).uniform(0.2, 2, size=len(labels)).astype(np.float32)
    soft_targets = targets_of(labels)
    weight, bias = fit_logistic(vectors, soft_targets, weights, strength=strength, tolerance=1e-6)
    other = LogisticRegression(C=strength, tol=1e-8, max_iter=5000)
    other.fit(vectors.astype(np.float64), labels, sample_weight=weights)
    # float32 products. Biases are free of the penalty, so a number may be added to all of them.
    assert weight == pytest.approx(other.coef_.T, abs=1e-3)
    assert bias - bias.mean() == pytest.approx(other.intercept_ - other.intercept_.mean(), abs=1e-3)


def test_a_song_of_two_genres_is_half_a_song_of_each() -> None:
    """The same as two songs of half a weight, of one genre each."""
    vectors, labels = blobs(200)
    soft_targets = targets_of(labels)
    soft_targets[:50] = (soft_targets[:50] + targets_of((labels[:50] + 1) % 4)) / 2
    together = fit_logistic(vectors, soft_targets, np.ones(200, dtype=np.float32), strength=0.05)
    doubled = np.concatenate([vectors, vectors[:50]])
    hard = np.concatenate([targets_of(labels), targets_of((labels[:50] + 1) % 4)])
    halves = np.concatenate([np.full(50, 0.5), np.ones(150), np.full(50, 0.5)]).astype(np.float32)
    apart = fit_logistic(doubled, hard, halves, strength=0.05)
    assert together[0] == pytest.approx(apart[0], abs=2e-3)


def test_cross_entropy_and_its_derivative_are_what_the_formula_says() -> None:
    logits = np.log(np.array([[1, 2, 5], [4, 4, 2]], dtype=np.float32))
    soft_targets = np.array([[0, 0, 1], [0.5, 0.5, 0]], dtype=np.float32)
    loss, error = cross_entropy(logits, soft_targets, np.array([1, 2], dtype=np.float32))
    assert loss == pytest.approx(-np.log(5 / 8) - 2 * np.log(0.4))
    assert error == pytest.approx(np.array([[0.125, 0.25, -0.375], [-0.2, -0.2, 0.4]]))


def test_the_perceptrons_gradients_are_those_of_differences() -> None:
    """Every kind of parameter, against the slope of the loss itself."""
    random = np.random.default_rng(2)
    shape = Architecture(members=2, hidden=5, dropout=0.0)
    ensemble = initial_weights(6, 3, shape, random)
    batch = random.normal(size=(8, 6)).astype(np.float32)
    soft_targets = targets_of(random.integers(3, size=8), 3)
    weights = np.ones(8, dtype=np.float32)

    def loss() -> float:
        total = 0.0
        for member in range(2):
            own = slice(member * 5, member * 5 + 5)
            units = np.maximum(batch @ ensemble.first[:, own] + ensemble.first_bias[own], 0)
            logits = units @ ensemble.second[member] + ensemble.second_bias[member]
            total += cross_entropy(logits, soft_targets, weights)[0] / 8
        return total

    found = gradients(ensemble, batch, soft_targets, weights, shape, random)
    for parameter, gradient in zip(ensemble.parts(), found, strict=True):
        place = tuple(size // 2 for size in parameter.shape)
        before = parameter[place]
        parameter[place] = before + 1e-2
        above = loss()
        parameter[place] = before - 1e-2
        below = loss()
        parameter[place] = before
        # float32, and a step that must be large for it.
        assert gradient[place] == pytest.approx((above - below) / 2e-2, abs=3e-3)


def test_the_members_joined_are_the_mean_of_the_members() -> None:
    vectors, labels = blobs(64)
    weights = np.ones(64, dtype=np.float32)
    ensemble = next(train(vectors, targets_of(labels), weights, architecture=Architecture(hidden=7), seed=0))
    first, first_bias, second, second_bias = ensemble.joined()
    joined = np.maximum(vectors @ first + first_bias, 0) @ second + second_bias
    units = np.maximum(vectors @ ensemble.first + ensemble.first_bias, 0)
    members = [
        units[:, member * 7 : member * 7 + 7] @ ensemble.second[member] + ensemble.second_bias[member]
        for member in range(3)
    ]
    assert joined == pytest.approx(np.mean(members, axis=0), abs=1e-4)


def test_the_running_mean_is_plain_at_first_and_forgets_later() -> None:
    ensemble = initial_weights(2, 3, Architecture(hidden=4), np.random.default_rng(0))
    mean = RunningMean(ensemble)
    for value in (3, 5, 100):
        ensemble.first[:] = value
        mean.update(ensemble, np.float32(0.5))
    # (3 + 5) / 2, and then half of what comes: a plain mean would take a third.
    assert mean.weights.first == pytest.approx(np.full((2, 12), 52.0))
    assert mean.weights.second == pytest.approx(ensemble.second)


def test_a_large_librarys_fit_needs_fewer_epochs() -> None:
    recipe = Recipe(algorithm=MLP_ENSEMBLE, epochs=30)
    assert recipe.for_songs(1000).epochs == 30
    assert recipe.for_songs(MAX_SAMPLES_SEEN // 10).epochs == 10
    assert recipe.for_songs(2 * MAX_SAMPLES_SEEN + 1).epochs == 1


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_song_of_no_weight_leaves_no_trace(recipe: Recipe) -> None:
    vectors, labels = blobs(120)
    weights = np.ones(120, dtype=np.float32)
    weights[::3] = 0
    spoiled = vectors.copy()
    spoiled[::3] *= 100
    heads = [
        fit_head(songs_of(each, targets_of(labels) > 0), recipe, seed=0, weights=weights)
        for each in (vectors, spoiled)
    ]
    assert (heads[0].logits(vectors) == heads[1].logits(vectors)).all()


def test_a_genre_of_a_hundredth_of_the_songs_weighs_a_tenth_of_the_other() -> None:
    soft_targets = targets_of(np.repeat([0, 1], [400, 4]), 2)
    weights = with_rare_genres_raised(soft_targets, np.ones(404, dtype=np.float32))
    assert weights.sum() == pytest.approx(404)
    assert weights[:400].sum() == pytest.approx(10 * weights[400:].sum())


def test_songs_that_lost_their_weight_do_not_make_a_genre_frequent() -> None:
    soft_targets = targets_of(np.repeat([0, 1], [400, 4]), 2)
    weights = np.repeat([1, 0, 1], [4, 396, 4]).astype(np.float32)
    assert with_rare_genres_raised(soft_targets, weights) == pytest.approx(weights)


def test_every_fit_raises_rare_genres_among_the_songs_that_it_keeps() -> None:
    labels = np.repeat([0, 1], [100, 4])
    vectors, _ = blobs(104)
    weights = np.repeat([1, 0, 1], [64, 36, 4]).astype(np.float32)
    songs = prepared(songs_of(vectors, targets_of(labels, 2) > 0), weights)
    assert songs.weights[-1] / songs.weights[0] == pytest.approx(np.sqrt(64 / 4))


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_same_seed_fits_the_same_head(recipe: Recipe) -> None:
    vectors, labels = blobs(120)
    heads = [fit_head(songs_of(vectors, targets_of(labels) > 0), recipe, seed=5) for _ in range(2)]
    assert (heads[0].weight == heads[1].weight).all()


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_kind_learns_what_can_be_learned(recipe: Recipe) -> None:
    vectors, labels = blobs(800)
    head = fit_head(songs_of(vectors[:400], targets_of(labels[:400]) > 0), recipe, seed=0)
    assert np.mean(head.logits(vectors[400:]).argmax(axis=1) == labels[400:]) > 0.8


def test_every_kind_has_a_fit_and_a_name() -> None:
    assert set(FITS) == set(DETAILS) == {recipe.algorithm for recipe in RECIPES}
    names = [str(recipe) for recipe in RECIPES]
    assert names[0] == "shrinkage-lda (shrinkage 0.3)"
    assert names[2] == "rbf (gamma 1, C 10)"


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_head_fitted_beside_others_is_the_one_fitted_alone(recipe: Recipe) -> None:
    vectors, labels = blobs(120)
    songs = songs_of(vectors, targets_of(labels) > 0)
    _, beside = fit_heads(songs, [recipe, recipe], seed=3)
    assert (beside.logits(vectors) == fit_head(songs, recipe, seed=3).logits(vectors)).all()


def test_a_radial_basis_machine_finds_islands_that_no_plane_cuts_off() -> None:
    """Each genre on two opposite corners of a square."""
    random = np.random.default_rng(0)
    corners = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    where = np.arange(400) % 4
    vectors = (3 * corners[where] + random.normal(size=(400, 2))).astype(np.float32)
    songs = songs_of(vectors[:200], targets_of(where % 2, 2)[:200] > 0)
    accuracies = [
        np.mean(fit_head(songs, recipe, seed=0).logits(vectors[200:]).argmax(axis=1) == where[200:] % 2)
        for recipe in RECIPES[1:3]
    ]
    assert accuracies[0] < 0.7
    assert accuracies[1] > 0.95


def test_a_discriminant_of_few_songs_is_not_sure_beyond_measure() -> None:
    vectors, labels = blobs(40, width=200)
    head = fit_head(songs_of(vectors, targets_of(labels) > 0), RECIPES[0], seed=0)
    plain = fit_head(songs_of(vectors[:, :3], targets_of(labels) > 0), RECIPES[0], seed=0)
    assert head.logits(vectors).std(axis=1).mean() == pytest.approx(MAX_SPREAD, rel=1e-3)
    assert plain.logits(vectors[:, :3]).std(axis=1).mean() < MAX_SPREAD
