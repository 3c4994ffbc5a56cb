"""Fits at once: as many as threads and memory allow, and nothing comes out differently."""

import threading

import numpy as np
import pytest
from inference.training.cross_validation import Heard, hear
from inference.training.dataset import LabelSource, Part
from inference.training.fitting import LOGISTIC, PERCEPTRONS, Recipe
from inference.training.parallel_fits import COPIES, MOST_BYTES, side_by_side, working_with

HALF = MOST_BYTES // COPIES // 2
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

    return 2 if all(side_by_side(work, range(count), bytes_each=bytes_each)) else 1


def test_two_are_done_at_once_where_there_is_memory_for_both_and_one_where_not() -> None:
    with working_with(2):
        assert at_once(4, bytes_each=HALF) == 2
        assert at_once(2, bytes_each=HALF + 1) == 1


def test_results_come_in_the_order_of_the_things() -> None:
    with working_with(3):
        assert side_by_side(str, range(10), bytes_each=1) == [str(number) for number in range(10)]


def test_what_is_done_within_another_needs_no_thread_more() -> None:
    """Or a pool whose threads all wait for its threads would stand still for ever."""
    with working_with(2):
        threads = side_by_side(
            lambda _: side_by_side(lambda _: threading.current_thread().name, range(2), bytes_each=1),
            range(2),
            bytes_each=1,
        )
    assert all(len(set(each)) == 1 for each in threads)


def test_what_one_raises_is_raised() -> None:
    with working_with(2), pytest.raises(ZeroDivisionError):
        side_by_side(lambda number: 1 / number, range(3), bytes_each=1)


@pytest.mark.parametrize(
    "recipe",
    [Recipe(algorithm=LOGISTIC, strength=0.05), Recipe(algorithm=PERCEPTRONS, strength=0.05, epochs=3)],
)
def test_threads_change_no_number(recipe: Recipe) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(3, size=150)
    part = Part(
        vectors=(random.normal(size=(3, 8))[labels] + random.normal(size=(150, 8))).astype(np.float32),
        named=np.eye(3, dtype=np.bool_)[labels],
        labels=labels,
        sources=np.full(150, LabelSource.TAG),
        groups=np.arange(150) // 5,
    )
    folds = part.groups % 5

    def heard(threads: int) -> Heard:
        with working_with(threads):
            return hear(part, folds, recipe, seed=0, handle_noise=True, only=np.unique(folds))

    one, three = heard(1), heard(3)
    assert (one.logits == three.logits).all()
    assert (one.distances == three.distances).all()
