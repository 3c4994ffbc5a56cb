"""Fits at once: as many as threads and memory allow, and nothing comes out differently."""

import threading

import numpy as np
import pytest
from inference.training.cross_validation import OofScores, predict_oof
from inference.training.dataset import Dataset, LabelSource
from inference.training.fitting import DISCRIMINANT, LOGISTIC, MLP_ENSEMBLE, RADIAL_BASIS, Recipe
from inference.training.parallel_fits import COPIES, MAX_BYTES, parallel_map, worker_threads

HALF = MAX_BYTES // COPIES // 2
WAIT_SECONDS = 20


def at_once(count: int, *, bytes_each: int) -> int:
    """How many of `count` works were seen at the same time, each waiting for another to come."""
    met = threading.Barrier(2)

    def work(_: int) -> bool:
        try:
            met.wait(WAIT_SECONDS if bytes_each <= HALF else 0.01)
        except threading.BrokenBarrierError:
            return False
        return True

    return 2 if all(parallel_map(work, range(count), bytes_each=bytes_each)) else 1


def test_two_are_done_at_once_where_there_is_memory_for_both_and_one_where_not() -> None:
    with worker_threads(2):
        assert at_once(4, bytes_each=HALF) == 2
        assert at_once(2, bytes_each=HALF + 1) == 1


def test_results_come_in_the_order_of_the_items() -> None:
    with worker_threads(3):
        assert parallel_map(str, range(10), bytes_each=1) == [str(number) for number in range(10)]


def test_what_is_done_within_another_needs_no_thread_more() -> None:
    """Or a pool whose threads all wait for its threads would stand still for ever."""
    with worker_threads(2):
        threads = parallel_map(
            lambda _: parallel_map(lambda _: threading.current_thread().name, range(2), bytes_each=1),
            range(2),
            bytes_each=1,
        )
    assert all(len(set(each)) == 1 for each in threads)


def test_what_one_raises_is_raised() -> None:
    with worker_threads(2), pytest.raises(ZeroDivisionError):
        parallel_map(lambda number: 1 / number, range(3), bytes_each=1)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(algorithm=DISCRIMINANT, shrinkage=0.3),
        Recipe(algorithm=LOGISTIC, strength=0.05),
        Recipe(algorithm=RADIAL_BASIS, gamma=1.0, strength=10.0),
        Recipe(algorithm=MLP_ENSEMBLE, epochs=3),
    ],
)
def test_threads_change_no_number(recipe: Recipe) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(3, size=150)
    songs = Dataset(
        vectors=(random.normal(size=(3, 8))[labels] + random.normal(size=(150, 8))).astype(np.float32),
        multi_hot=np.eye(3, dtype=np.bool_)[labels],
        labels=labels,
        sources=np.full(150, LabelSource.TAG),
        groups=np.arange(150) // 5,
        genres=("a", "b", "c"),
    )
    folds = songs.groups % 5

    def scores(threads: int) -> OofScores:
        with worker_threads(threads):
            return predict_oof(songs, folds, recipe, seed=0, handle_noise=True, only=np.unique(folds))

    one, three = scores(1), scores(3)
    assert (one.logits == three.logits).all()
    assert (one.distances == three.distances).all()
