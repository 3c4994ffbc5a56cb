"""Which of several candidates is taken: the likeliest, or a simpler one that is as good but for chance."""

from itertools import groupby

import numpy as np
import pytest
from inference.training.dataset import single_label_dataset
from inference.training.fitting import DISCRIMINANT, LOGISTIC, MLP_ENSEMBLE, RADIAL_BASIS, Recipe
from inference.training.model_selection import (
    MAX_SONGS_OF_AN_ARTIST,
    RECIPES,
    Candidate,
    average,
    best_candidate,
    beyond,
    counted_songs,
    evaluate_candidates,
    scored,
    simplest_candidate,
)

SONGS = 200
EACH_ITS_OWN = np.arange(SONGS)
OF_TEN = np.arange(SONGS) // 10
"""Artists of ten songs."""


def candidate(algorithm: str, losses: np.ndarray) -> Candidate:
    nothing = np.zeros((SONGS, 2), dtype=np.float32)
    return Candidate(
        recipe=Recipe(algorithm=algorithm),
        accuracy=0,
        losses=losses,
        logits=nothing,
        right=losses > 0,
        counted=np.ones(SONGS, dtype=np.bool_),
    )


def worse_by(points: float, groups: np.ndarray) -> list[Candidate]:
    """Two candidates, of which the simpler is worse by so much; artists differ by 1, their songs do not."""
    random = np.random.default_rng(0)
    offsets = random.normal(size=groups.max() + 1)
    offsets += points - offsets.mean()
    best = np.full(SONGS, 5.0)
    return [candidate(DISCRIMINANT, best + offsets[groups]), candidate(MLP_ENSEMBLE, best)]


def test_the_simpler_is_taken_where_the_difference_is_chance() -> None:
    candidates = worse_by(0.02, EACH_ITS_OWN)
    assert best_candidate(candidates).recipe.algorithm == MLP_ENSEMBLE
    assert simplest_candidate(candidates, EACH_ITS_OWN).recipe.algorithm == DISCRIMINANT


def test_the_likelier_is_taken_where_it_is_not() -> None:
    assert simplest_candidate(worse_by(0.3, EACH_ITS_OWN), EACH_ITS_OWN).recipe.algorithm == MLP_ENSEMBLE


def test_ten_songs_of_an_artist_are_one_piece_of_evidence() -> None:
    simpler, best = worse_by(0.1, OF_TEN)
    alone, together = (beyond(best, simpler, groups) for groups in (EACH_ITS_OWN, OF_TEN))
    assert together == pytest.approx(alone / np.sqrt(10))


def test_a_simpler_one_that_is_likelier_stays() -> None:
    candidates = worse_by(-0.3, EACH_ITS_OWN)
    assert simplest_candidate(candidates, EACH_ITS_OWN) is candidates[0]


def test_within_an_algorithm_the_likeliest_is_taken() -> None:
    simpler, best = worse_by(0.02, EACH_ITS_OWN)
    likelier = candidate(DISCRIMINANT, simpler.losses - 1e-3)
    assert simplest_candidate([simpler, likelier, best], EACH_ITS_OWN) is likelier


def test_an_artist_of_very_many_songs_counts_as_one_of_many() -> None:
    groups = np.concatenate([np.zeros(500, dtype=np.intp), 1 + np.arange(60) // 3])
    counted = counted_songs(groups)
    assert np.bincount(groups[counted]).tolist() == [MAX_SONGS_OF_AN_ARTIST] + [3] * 20
    assert (counted == counted_songs(groups)).all()


def test_songs_that_do_not_count_choose_nothing() -> None:
    labels = np.zeros(560, dtype=np.intp)
    labels[500:] = np.arange(60) % 2
    groups = np.concatenate([np.zeros(500, dtype=np.intp), 1 + np.arange(60)])
    songs = single_label_dataset(np.zeros((560, 1), dtype=np.float32), labels, groups, ("a", "b"))
    knows_the_giant = np.tile(np.array([3, 0], dtype=np.float32), (560, 1))
    knows_the_others = (3 * np.eye(2)[labels]).astype(np.float32)
    knows_the_others[:500] = 0
    recipe = Recipe(algorithm=LOGISTIC)
    losses = [scored(recipe, songs, logits).loss for logits in (knows_the_giant, knows_the_others)]
    assert losses[1] < losses[0]


def test_recipes_of_one_algorithm_stand_together() -> None:
    algorithms = [algorithm for algorithm, _ in groupby(recipe.algorithm for recipe in RECIPES)]
    assert algorithms == [DISCRIMINANT, LOGISTIC, RADIAL_BASIS]


def test_the_mean_of_runs_counts_each_as_much() -> None:
    random = np.random.default_rng(0)
    first, second, third = (candidate(LOGISTIC, random.random(SONGS)) for _ in range(3))
    mean = average(average(first, second, 1), third, 2)
    assert mean.losses == pytest.approx(np.mean([each.losses for each in (first, second, third)], axis=0))
    assert mean.right is first.right


def test_a_hopeless_recipe_is_not_tried_on_further_folds() -> None:
    """Genres that differ in how two values go together, in no value alone: no plane tells them apart."""
    random = np.random.default_rng(0)
    labels = EACH_ITS_OWN % 2
    vectors = random.normal(size=(SONGS, 2)).astype(np.float32)
    vectors[:, 1] = 0.3 * vectors[:, 1] + np.where(labels, 1, -1) * vectors[:, 0]
    songs = single_label_dataset(vectors, labels, EACH_ITS_OWN, ("a", "b"))
    steps: list[str] = []
    found = {
        runs: evaluate_candidates(
            songs,
            [random.permutation(SONGS) % 4 if run else EACH_ITS_OWN // 2 % 4 for run in range(runs)],
            seed=0,
            report=lambda step, done: steps.append(step),
        )
        for runs in (1, 2)
    }
    again = [once.loss != twice.loss for once, twice in zip(found[1], found[2], strict=True)]
    algorithms = np.array([each.recipe.algorithm for each in found[1]])
    assert not any(again[place] for place in np.flatnonzero(np.isin(algorithms, [DISCRIMINANT, LOGISTIC])))
    assert any(again)
    assert simplest_candidate(found[2], EACH_ITS_OWN).recipe.algorithm not in (DISCRIMINANT, LOGISTIC)
