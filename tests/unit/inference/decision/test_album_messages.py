"""Messages between the songs of albums, compared with the joint distribution summed by hand."""

from dataclasses import replace
from itertools import product

import numpy as np
from inference.decision.album_messages import NOTHING, Strength, messages, tree_of
from inference.decision.evidence import NONE, Evidence

PRIOR = np.array([0.5, 0.3, 0.2])
ALBUM = Strength(unity=0.8, correlation=0.0, weight=1.0, own=1.0)
ARTIST = Strength(unity=0.7, correlation=0.0, weight=1.0, own=1.0)


def evidence(albums: list[int], artists: list[int], recordings: list[int] | None = None) -> Evidence:
    random = np.random.default_rng(len(albums))
    sound = random.dirichlet(np.ones(3), size=len(albums))
    return Evidence(
        sound=sound,
        tags=np.zeros((len(albums), 3), dtype=np.bool_),
        albums=np.array(albums),
        artists=np.array(artists),
        kinds=np.zeros(len(albums), dtype=np.intp),
        recordings=np.arange(len(albums)) if recordings is None else np.array(recordings),
    )


def told(songs: Evidence, album: Strength = ALBUM, artist: Strength = NOTHING) -> np.ndarray:
    tree = tree_of(songs)
    strengths = np.tile(album, (len(tree.kind), 1))
    return messages(np.log(songs.sound / PRIOR), tree, PRIOR, strengths, artist)


def posterior(songs: Evidence, album: Strength, artist: Strength) -> np.ndarray:
    joint = songs.sound * np.exp(told(songs, album, artist))
    return joint / joint.sum(axis=1, keepdims=True)


def given(whole: int, unity: float) -> np.ndarray:
    return unity * (np.arange(3) == whole) + (1 - unity) * PRIOR


def test_an_album_equals_the_sum_over_all_that_it_and_its_songs_can_be() -> None:
    songs = evidence([0, 0, 0], [0, 0, 0])
    ratios = songs.sound / PRIOR
    expected = np.zeros((3, 3))
    for album, *genres in product(range(3), repeat=4):
        p = PRIOR[album]
        for song, genre in enumerate(genres):
            p *= given(album, ALBUM.unity)[genre] * ratios[song, genre]
        for song, genre in enumerate(genres):
            expected[song, genre] += p
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(posterior(songs, ALBUM, NOTHING), expected, atol=1e-12)


def test_an_artist_equals_the_sum_over_all_that_it_and_its_albums_can_be() -> None:
    songs = evidence([0, 0, 1], [5, 5, 5])
    ratios = songs.sound / PRIOR
    expected = np.zeros((3, 3))
    for artist, first, second, *genres in product(range(3), repeat=6):
        p = PRIOR[artist] * given(artist, ARTIST.unity)[first] * given(artist, ARTIST.unity)[second]
        for song, genre in enumerate(genres):
            unity = 1.0 if song == 2 else ALBUM.unity  # alone on its album
            p *= given((first, first, second)[song], unity)[genre] * ratios[song, genre]
        for song, genre in enumerate(genres):
            expected[song, genre] += p
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(posterior(songs, ALBUM, ARTIST), expected, atol=1e-12)


def test_no_song_is_told_by_itself_or_a_copy_of_itself() -> None:
    assert not told(evidence([0], [0])).any()
    assert not told(evidence([0, 0], [0, 0], recordings=[7, 7])).any()


def test_copies_of_a_recording_count_once() -> None:
    songs = evidence([0, 0, 0], [0, 0, 0], recordings=[1, 2, 2])
    songs = replace(songs, sound=songs.sound[[0, 1, 1]])
    np.testing.assert_allclose(told(songs)[0], told(songs.only(np.array([0, 1])))[0])


def test_songs_on_no_album_and_albums_of_nobody_are_told_nothing() -> None:
    assert not told(evidence([NONE, NONE], [NONE, NONE]), artist=ARTIST).any()


def test_ten_songs_with_the_same_errors_say_what_one_says() -> None:
    songs = evidence([0] * 11, [0] * 11)
    songs = replace(songs, sound=np.tile(songs.sound[:1], (11, 1)))
    one = told(songs.only(np.arange(2)), ALBUM._replace(correlation=1.0))
    np.testing.assert_allclose(told(songs, ALBUM._replace(correlation=1.0))[0], one[0])
