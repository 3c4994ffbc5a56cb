"""What writers are counted for: who writes what, what is right, what is destroyed."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.inference.truth.simulated_judgements import asked
from benchmarks.inference.truth.sound_shapes import SOUND_SHAPES
from benchmarks.inference.truth.worlds import Songs
from benchmarks.inference.truth.writers import CORRECTIONS, FILLS, THRESHOLD, WriteCounts, writes_by


@pytest.fixture
def songs() -> Songs:
    """Five songs of genre 0; the tags: none, none, right, right, wrong."""
    five = SOUND_SHAPES["gaussian"].world(0).library.only(np.arange(5))
    genre = np.arange(five.truth.shape[1])
    tags = np.array([-1, -1, 0, 0, 1])[:, np.newaxis] == genre
    return replace(five, truth=np.zeros((5, 1)) == genre, tags=tags)


def posterior(*best: tuple[int, float], genres: int = 8) -> np.ndarray:
    """A best genre and its probability of each song."""
    found = np.zeros((len(best), genres))
    for row, (genre, probability) in enumerate(best):
        found[row] = (1 - probability) / (genres - 1)
        found[row, genre] = probability
    return found


def test_writes_are_counted_by_kind(songs):
    believed = posterior((0, 0.9), (2, 0.8), (0, 0.99), (3, 0.75), (0, 0.95))
    counts = writes_by(believed, songs, np.ones(5, dtype=bool)).counts(songs)
    assert counts[FILLS] == WriteCounts(planned=2, stated=pytest.approx(1.7), right=1, destroyed=0)
    assert counts[CORRECTIONS] == WriteCounts(planned=2, stated=pytest.approx(1.7), right=1, destroyed=1)


def test_nothing_is_written_below_the_threshold_or_where_somebody_has_said_what_it_is(songs):
    below = posterior(*[(0, THRESHOLD - 0.01)] * 5)
    sure = posterior(*[(0, 0.9)] * 5)
    for believed, open_to_writes in ((below, np.ones(5, dtype=bool)), (sure, np.zeros(5, dtype=bool))):
        counts = writes_by(believed, songs, open_to_writes).counts(songs)
        assert sum(counts.values(), WriteCounts()).planned == 0


def test_whoever_knows_the_true_posterior_states_what_is_true():
    together = WriteCounts()
    for seed in range(10):
        library = SOUND_SHAPES["noise uniform 20 %"].world(seed).library
        found = writes_by(library.by_tag, library, np.ones(len(library), dtype=bool)).counts(library)
        together += found[CORRECTIONS]
    assert together.planned > 500
    assert together.excess == pytest.approx(0, abs=0.03)


def test_judgements_are_of_different_artists_and_mostly_of_songs_whose_sound_and_tag_disagree():
    library = SOUND_SHAPES["noise uniform 30 %"].world(0).library
    best = library.by_sound.argmax(axis=1)
    rows = asked(library, best, np.random.default_rng(0), 100)
    assert len(np.unique(library.groups[rows])) == len(rows) == 100
    assert (~library.tags[rows, best[rows]]).sum() == 75
