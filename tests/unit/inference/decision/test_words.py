"""What people have said of songs tells their albums and artists what they are."""

import numpy as np
import pytest
from inference.decision.album_messages import NOTHING, Strength, messages, tree_of
from inference.decision.evidence import Evidence
from inference.decision.words import ERRORS, Words

PRIOR = np.array([0.5, 0.3, 0.2])
ALBUM = Strength(unity=0.9, correlation=0.3, weight=1.0, own=0.8)
ROCK, COUNTRY, FOLK = range(3)
# An album that sounds like Country, as a whole artist may to a model that has not learned from it.
SOUND = np.array([[0.1, 0.88, 0.02], [0.04, 0.94, 0.02], [0.2, 0.7, 0.1]])
SONGS = Evidence(
    sound=SOUND,
    tags=np.zeros((3, 3), dtype=np.bool_),
    albums=np.zeros(3, dtype=np.intp),
    artists=np.zeros(3, dtype=np.intp),
    kinds=np.zeros(3, dtype=np.intp),
    recordings=np.arange(3),
)
RATIOS = np.log(SOUND / PRIOR)


def words(**genres: int | None) -> Words:
    spoken, named = np.zeros(3, dtype=np.bool_), np.zeros((3, 3), dtype=np.bool_)
    for song, genre in genres.items():
        row = ("first", "second", "third").index(song)
        spoken[row] = True
        if genre is not None:
            named[row, genre] = True
    return Words(spoken=spoken, genres=named)


def posterior(said: Words | None) -> np.ndarray:
    tree = tree_of(SONGS)
    strengths = np.tile(ALBUM, (1, 1))
    by_word = None if said is None else said.instead_of(RATIOS, PRIOR)
    joint = SOUND * np.exp(messages(RATIOS, tree, PRIOR, strengths, NOTHING, by_word))
    return joint / joint.sum(axis=1, keepdims=True)


def test_a_word_is_what_its_album_is_told_and_not_what_the_song_sounds_like() -> None:
    without, given = posterior(None), posterior(words(first=ROCK))
    assert (given[1:, ROCK] > without[1:, ROCK]).all()
    assert (given[1:, COUNTRY] < without[1:, COUNTRY]).all()


def test_two_words_outweigh_how_an_album_sounds() -> None:
    assert posterior(None)[2].argmax() == COUNTRY
    assert posterior(words(first=ROCK, second=ROCK))[2].argmax() == ROCK


def test_a_word_tells_the_song_itself_nothing() -> None:
    assert posterior(words(first=ROCK))[0] == pytest.approx(posterior(None)[0])


def test_a_song_of_none_of_the_genres_is_as_if_it_were_on_no_album() -> None:
    said = words(first=None)
    tree = tree_of(said.those_that_speak(SONGS))
    strengths = np.tile(ALBUM, (len(tree.kind), 1))
    told = messages(RATIOS, tree, PRIOR, strengths, NOTHING, said.instead_of(RATIOS, PRIOR))
    without = tree_of(SONGS.only(np.array([1, 2])))
    expected = messages(RATIOS[1:], without, PRIOR, np.tile(ALBUM, (1, 1)), NOTHING)
    assert told[1:] == pytest.approx(expected)


def test_a_word_is_believed_but_for_slips_of_the_hand() -> None:
    by_word = PRIOR * np.exp(words(first=FOLK).instead_of(RATIOS, PRIOR)[0])
    assert by_word.sum() == pytest.approx(1)
    assert 1 - by_word[FOLK] == pytest.approx(ERRORS * (1 - PRIOR[FOLK]))


def test_where_nobody_has_spoken_the_sound_stays() -> None:
    assert words().instead_of(RATIOS, PRIOR) == pytest.approx(RATIOS)
