"""First guesses as arithmetic: what a lift is worth, what the library's own mean does, and what is no guess."""

import numpy as np
import pytest
from features.embeddings.musicnn.tags import TAGS
from hypothesis import given
from hypothesis import strategies as st
from portal.first_guess.guessing import (
    LEAST_MEAN,
    LIBRARY_SHARE,
    LIBRARY_SONGS,
    NONE,
    average_song,
    guess,
)
from portal.first_guess.votes import VOTES
from portal.genres.aliases import ALIASES
from portal.genres.spelling import normalised

JAZZ, ROCK, RNB = range(3)
# Tags: jazz, rock, hard rock, soul, a mood that says no genre.
WEIGHTS = np.array([[1, 0, 0], [0, 0.5, 0], [0, 0.5, 0], [0, 0, 1], [0, 0, 0]], dtype=float)
AVERAGE = np.array([0.1, 0.3, 0.05, 0.05, 0.2])
probabilities = st.floats(min_value=0.0, max_value=1.0)
means = st.floats(min_value=0.01, max_value=0.6)


def guessed(*songs: list[float], average: np.ndarray = AVERAGE) -> list[int]:
    return guess(np.array(songs), average, WEIGHTS).genres.tolist()


def test_a_rare_tag_that_is_strong_beats_a_common_one_that_is_usual() -> None:
    assert guessed([0.25, 0.35, 0.05, 0.05, 0.2]) == [JAZZ]
    assert guessed([0.1, 0.6, 0.3, 0.06, 0.2]) == [ROCK]


def test_the_share_is_that_of_all_genres_evidence() -> None:
    found = guess(np.array([[0.3, 0.3, 0.05, 0.05, 0.9]]), AVERAGE, WEIGHTS)
    assert found.genres.tolist() == [JAZZ]
    assert found.shares[0] == pytest.approx(3 / (3 + 1 + 1))


def test_a_song_whose_tags_are_all_weaker_than_usual_has_no_guess() -> None:
    weak = [0.09, 0.2, 0.04, 0.01, 0.99]
    assert guessed(weak, [0.0] * 5) == [NONE, NONE]
    assert guessed([0.11, *weak[1:]]) == [JAZZ]


def test_a_tag_that_the_library_never_gives_has_no_endless_lift() -> None:
    average = average_song(np.array([0.0, 0.3]), np.array([0.0, 0.3]), 1000)
    assert average == pytest.approx([LEAST_MEAN, 0.3])


@given(st.lists(probabilities, min_size=5, max_size=5), st.integers(0, 4), probabilities)
def test_more_of_a_tag_is_never_less_for_its_genre(song: list[float], tag: int, more: float) -> None:
    louder = list(song)
    louder[tag] = max(song[tag], more)
    before, after = guessed(song, louder)
    if before != NONE and WEIGHTS[tag, before] > 0:
        assert after == before


@given(st.lists(st.tuples(means, means), min_size=1, max_size=5), st.integers(0, 200_000))
def test_each_song_more_moves_the_average_song_by_less_than_a_hundredth(
    tags: list[tuple[float, float]], songs: int
) -> None:
    reference, library = (np.array(each) for each in zip(*tags, strict=True))
    before, after = (average_song(reference, library, count) for count in (songs, songs + 1))
    largest = np.abs(np.log(library / reference)).max()
    assert np.abs(np.log(after / before)).max() <= LIBRARY_SHARE / LIBRARY_SONGS * largest + 1e-12


@given(means, means, st.integers(0, 10**7))
def test_the_average_song_lies_between_the_reference_and_the_library_and_nearer_the_reference(
    reference: float, library: float, songs: int
) -> None:
    (average,) = average_song(np.array([reference]), np.array([library]), songs)
    low, high = sorted((reference, reference ** (1 - LIBRARY_SHARE) * library**LIBRARY_SHARE))
    assert low - 1e-12 <= average <= high + 1e-12


class SimulatedMusic:
    """Songs whose genre raises three tags out of 24, by a seed."""

    genres, tags = 8, 24

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.base = np.exp(self.rng.uniform(np.log(0.01), np.log(0.25), self.tags))
        self.raised = np.log(self.rng.uniform(2.5, 12, self.tags))

    def tagged(self, truth: np.ndarray, off: np.ndarray) -> np.ndarray:
        """Tags of songs of these genres, where all tags of the library are `off` by as much in the logarithm."""
        shape = (len(truth), self.tags)
        logs = np.log(self.base) + self.rng.normal(0, 0.9, shape) + off
        own = np.arange(self.tags) // 3 == truth[:, None]
        return np.exp(logs + own * self.raised * self.rng.uniform(0.2, 1.2, shape)).clip(max=0.98)


def simulated_accuracy(composition: np.ndarray, songs: int, bias: float, share: float) -> float:
    """Of songs in libraries of this composition, where the library's own mean has at most this share."""
    right = []
    for seed in range(20):
        music = SimulatedMusic(seed)
        reference = music.tagged(music.rng.integers(8, size=2000), np.zeros(24)).mean(axis=0)
        truth = music.rng.choice(8, songs, p=np.roll(composition, seed))
        found = music.tagged(truth, music.rng.normal(0, bias, 24))
        weight = share * songs / (songs + LIBRARY_SONGS)
        average = np.exp((1 - weight) * np.log(reference) + weight * np.log(found.mean(axis=0)))
        if share == LIBRARY_SHARE:
            average = average_song(reference, found.mean(axis=0), songs)
        votes = np.repeat(np.eye(8), 3, axis=0)
        right.append((guess(found, average, votes).genres == truth).mean())
    return float(np.mean(right))


def test_a_library_of_many_genres_gains_by_its_own_mean_and_one_of_a_single_genre_is_not_divided_away() -> (
    None
):
    even, one = np.full(8, 1 / 8), np.eye(8)[0]
    plain, ours, full = (simulated_accuracy(even, 1000, 0.5, share) for share in (0.0, LIBRARY_SHARE, 1.0))
    assert plain + 0.01 < ours < full
    plain, ours, half, full = (
        simulated_accuracy(one, 1000, 0.0, share) for share in (0.0, LIBRARY_SHARE, 0.5, 1.0)
    )
    assert plain > ours > half + 0.1 > full + 0.2
    assert ours > plain - 0.2


def test_every_shipped_vote_says_what_the_alias_of_that_spelling_says() -> None:
    genre_of = {normalised(name): genre for genre, names in ALIASES.items() for name in (genre, *names)}
    assert {tag: genre for genre, votes in VOTES.items() for tag in votes} == {
        tag: genre_of[normalised(tag)] for votes in VOTES.values() for tag in votes
    }


def test_every_shipped_vote_is_of_a_tag_that_musicnn_gives() -> None:
    assert {tag for votes in VOTES.values() for tag in votes} <= {tag.name for tag in TAGS}


def test_the_weights_of_a_genre_add_up_to_what_the_module_says() -> None:
    sums = {genre: round(sum(votes.values()), 9) for genre, votes in VOTES.items()}
    assert sums == dict.fromkeys(VOTES, 1.0) | {"Pop_Rock": 3.0, "Electronic": 2.0, "Vocal": 0.5}
