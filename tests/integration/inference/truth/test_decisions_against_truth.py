"""The main lines of the bench of truth, at few libraries: what is stated is true, and writing does good."""

import pytest

from benchmarks.inference.truth.measures import CAUTIOUS, ORACLE, OURS, RATED, SOUND, measure
from benchmarks.inference.truth.pooled import Pooled
from benchmarks.inference.truth.writers import CORRECTIONS, FILLS

pytestmark = pytest.mark.thorough

SEEDS = range(2)


@pytest.fixture(scope="module")
def pooled():
    """Libraries of a shape, measured once."""
    found: dict[str, Pooled] = {}

    def of(shape: str) -> Pooled:
        if shape not in found:
            found[shape] = Pooled.of([measure(shape, seed) for seed in SEEDS])
        return found[shape]

    return of


@pytest.mark.parametrize(
    "shape", ["gaussian", "sound-alikes 10 %", "noise uniform 10 %", "albums 75 %, 30 % shared"]
)
def test_what_is_stated_before_anybody_has_said_anything_is_not_too_high(pooled, shape):
    assert pooled(shape).stated_excess(CAUTIOUS) < 0.06


@pytest.mark.parametrize("shape", ["noise uniform 20 %", "albums 75 %, 30 % shared"])
def test_what_is_stated_after_a_hundred_judgements_is_near_the_truth(pooled, shape):
    assert abs(pooled(shape).stated_excess(RATED)) < 0.08


@pytest.mark.parametrize("shape", ["gaussian", "sound-alikes 10 %"])
def test_right_tags_are_left_alone_where_all_are_right(pooled, shape):
    for reading in (CAUTIOUS, RATED):
        ours, sound = (pooled(shape).writes(reading, writer, CORRECTIONS) for writer in (OURS, SOUND))
        assert sound.destroyed > 0
        assert ours.destroyed <= sound.destroyed / 3


def test_much_of_what_the_true_posterior_would_write_is_written(pooled):
    for kind, least in ((FILLS, 0.85), (CORRECTIONS, 0.5)):
        ours, oracle = (pooled("noise uniform 20 %").writes(RATED, writer, kind) for writer in (OURS, ORACLE))
        assert ours.right >= least * oracle.right


def test_albums_and_artists_help_and_do_no_harm_where_most_of_the_error_is_shared(pooled):
    assert pooled("albums 75 %, 30 % shared").errors_fall > 0.25
    assert pooled("albums 75 %, 70 % shared").errors_fall > -0.05


def test_intervals_of_the_expected_number_hold_it(pooled):
    pool = pooled("noise uniform 20 %")
    assert pool.mean(f"right held, {RATED}") >= 0.5
    assert pool.mean(f"destroyed held, {RATED}") >= 0.5
