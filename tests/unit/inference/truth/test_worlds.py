"""The libraries of the bench of truth are what they are said to be: exact posteriors, and noise as planted.

All is compared within four standard errors, which count an artist's songs once.
"""

from functools import cache

import numpy as np
import pytest

from benchmarks.inference.truth.album_shapes import ALBUM_SHAPES
from benchmarks.inference.truth.album_structure import GENRES, VARIABLE, album_structure, made_structure
from benchmarks.inference.truth.sound_shapes import COPIED, SOUND_SHAPES
from benchmarks.inference.truth.tag_noise import NoiseKind, TagNoise
from benchmarks.inference.truth.worlds import Songs

SEEDS = range(4)
# Of few artists, one of whom has most songs; four standard errors of the others say nothing about it.
FEW_ARTISTS = {"giant artist"}


def standard_errors(gaps: np.ndarray, groups: np.ndarray) -> float:
    """How many standard errors the mean of gaps [songs] is from 0; songs of a group go together."""
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, weights=gaps)
    error = np.sqrt((sums**2).sum())
    return 0.0 if error < 1e-6 else float(abs(gaps.sum()) / error)


def confidence_gaps(posterior: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """[songs] whether the best genre is right, minus its probability."""
    best = posterior.argmax(axis=1)
    rows = np.arange(len(truth))
    return truth[rows, best] - posterior[rows, best]


def sharpness_gaps(posterior: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """[songs] probability of the true genres minus what is expected of it: the sum of squares."""
    return (posterior * truth - posterior**2).sum(axis=1)


@cache
def songs_of(shape: str, side: str) -> tuple[list[Songs], np.ndarray]:
    """Of some libraries, and a number for each artist of each."""
    shapes = SOUND_SHAPES | ALBUM_SHAPES
    songs = [getattr(shapes[shape].world(seed), side) for seed in SEEDS]
    groups = np.concatenate(
        [seed * 10**6 + numbered(each.groups) for seed, each in zip(SEEDS, songs, strict=True)]
    )
    return songs, groups


def numbered(groups: np.ndarray) -> np.ndarray:
    return np.unique(groups, return_inverse=True)[1]


@pytest.mark.parametrize("shape", sorted(set(SOUND_SHAPES) - FEW_ARTISTS))
def test_the_posterior_of_a_library_with_vectors_is_exact(shape):
    for side in ("library", "fresh"):
        songs, groups = songs_of(shape, side)
        for known in ("by_sound", "by_tag", "by_mates"):
            for gaps_of in (confidence_gaps, sharpness_gaps):
                gaps = np.concatenate([gaps_of(getattr(each, known), each.truth) for each in songs])
                assert standard_errors(gaps, groups) < 4, (side, known, gaps_of)


@pytest.mark.parametrize("shape", ALBUM_SHAPES)
def test_the_posterior_of_a_library_of_albums_is_exact(shape):
    songs, groups = songs_of(shape, "library")
    for known in ("by_sound", "by_tag"):
        gaps = np.concatenate([confidence_gaps(getattr(each, known), each.truth) for each in songs])
        assert standard_errors(gaps, groups) < 4, known


def test_a_posterior_of_something_else_is_not_taken_for_exact():
    """What the tests above would find: the posterior of genres, compared with tags of which a tenth is wrong."""
    songs, groups = songs_of("noise uniform 10 %", "library")
    for gaps_of in (confidence_gaps, sharpness_gaps):
        gaps = np.concatenate([gaps_of(each.by_sound, each.tags) for each in songs])
        assert standard_errors(gaps, groups) > 4


@pytest.mark.parametrize("shape", sorted(SOUND_SHAPES | ALBUM_SHAPES))
def test_as_many_tags_are_wrong_as_planted_and_fresh_songs_have_none(shape):
    rate = (SOUND_SHAPES | ALBUM_SHAPES)[shape].noise.rate
    songs, groups = songs_of(shape, "library")
    gaps = np.concatenate([each.tag_is_wrong for each in songs]) - rate
    assert standard_errors(gaps, groups) < 4
    assert rate > 0 or not gaps.any()
    assert all(each.is_tagged.all() for each in songs)
    assert not (SOUND_SHAPES | ALBUM_SHAPES)[shape].world(0).fresh.is_tagged.any()


def test_neighbours_noise_falls_on_the_nearest_genre_alone():
    distances = np.array([[0.0, 1, 3], [1, 0, 2], [3, 2, 0]])
    matrix = TagNoise(kind=NoiseKind.NEIGHBOUR, rate=0.2).matrix(distances)
    assert matrix.tolist() == [[0.8, 0.2, 0], [0.2, 0.8, 0], [0, 0.2, 0.8]]


def test_noise_together_gives_all_songs_of_an_artist_and_genre_one_tag():
    truth = np.eye(3, dtype=bool)[np.repeat([0, 1, 2, 0], 5)]
    artists = np.repeat([7, 7, 8, 9], 5)
    noise = TagNoise(kind=NoiseKind.TOGETHER, rate=0.5)
    for seed in range(20):
        tags = noise.tags(truth, artists, noise.matrix(1 - np.eye(3)), np.random.default_rng(seed))
        assert (tags.reshape(4, 5, 3) == tags.reshape(4, 5, 3)[:, :1]).all()


def test_odd_shapes_are_as_odd_as_they_say():
    rare = SOUND_SHAPES["200:1"].world(0).library.truth.sum(axis=0)
    assert rare.max() / rare.min() == 200
    assert SOUND_SHAPES["16 x 12 songs"].world(0).library.truth.sum(axis=0).tolist() == [12] * 16
    giant = SOUND_SHAPES["giant artist"].world(0).library
    assert np.bincount(giant.artists).max() / len(giant) > 0.25
    two = SOUND_SHAPES["two genres a song"].world(0).library.truth.sum(axis=1)
    assert two.max() == 2
    assert 0.2 < (two == 2).mean() < 0.4


def test_copies_are_one_recording_and_are_grouped_as_a_training_groups_them():
    library = SOUND_SHAPES["near-duplicates"].world(0).library
    copies = len(library) - len(np.unique(library.recordings))
    assert copies == round(COPIED * (len(library) - copies))
    originals, again = library.recordings[-copies:], np.arange(len(library) - copies, len(library))
    assert np.mean(library.groups[originals] == library.groups[again]) > 0.95
    assert not np.intersect1d(library.artists[originals], library.artists[again]).size


def test_guests_do_not_part_an_artist():
    library = SOUND_SHAPES["featured artists"].world(0).library
    assert len(np.unique(library.groups)) == len(np.unique(library.artists))


@pytest.mark.parametrize("shared", [0, 30, 50, 70])
def test_errors_are_shared_by_artist_and_album_as_planted(shared):
    """Half of the shared variance is the artist's, half the album's: seen in what the sound says of other genres."""
    same_album, same_artist = [], []
    for seed in SEEDS:
        songs = ALBUM_SHAPES[f"albums 75 %, {shared} % shared"].world(seed).library
        logs = np.log(songs.by_sound)
        # Without what is the same for all songs, the errors alone are left of genres that the song is not of.
        errors = logs - logs.mean(axis=1, keepdims=True)
        errors = np.where(songs.truth, np.nan, errors)
        errors -= np.nanmean(errors, axis=0)
        errors /= np.nanstd(errors, axis=0)
        same_album.append(pairs_correlation(errors, songs.albums, np.arange(len(songs))))
        same_artist.append(pairs_correlation(errors, songs.groups, songs.albums))
    assert np.mean(same_album) == pytest.approx(shared / 100, abs=0.08)
    assert np.mean(same_artist) == pytest.approx(shared / 200, abs=0.12)


def pairs_correlation(errors: np.ndarray, groups: np.ndarray, apart: np.ndarray) -> float:
    """Of pairs of songs with one number in `groups` [songs] and different ones in `apart`; each group counts once."""
    found = []
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)[:12]
        one, other = (each.ravel() for each in np.meshgrid(own, own))
        pairs = apart[one] != apart[other]
        if pairs.any():
            found.append(np.nanmean(errors[one[pairs]] * errors[other[pairs]]))
    return float(np.mean(found))


def test_compilations_are_nobodys():
    library = ALBUM_SHAPES["compilations"].world(0).library
    compiled = library.kinds == 1
    assert compiled.mean() == pytest.approx(0.25, abs=0.01)
    assert (library.artists[compiled] == -1).all()
    assert (library.artists[~compiled] >= 0).all()


def test_made_albums_are_as_much_of_one_genre_as_real_ones():
    structure = made_structure()
    assert agreement(structure.albums, structure.genres) == pytest.approx(0.83, abs=0.02)
    alone = np.bincount(structure.albums)[structure.albums] == 1
    assert alone.mean() == pytest.approx(0.08, abs=0.02)


@pytest.mark.skipif(
    not album_structure().source.startswith("real"), reason="the table of Jamendo is not here"
)
def test_real_albums_are_as_much_of_one_genre_as_the_made_ones_were_made_after():
    structure = album_structure()
    assert agreement(structure.albums, structure.genres) == pytest.approx(0.83, abs=0.02)
    assert len(structure.prior) == GENRES


def agreement(albums: np.ndarray, genres: np.ndarray) -> float:
    """Share of the pairs of songs of an album that are of one genre."""
    counts = np.zeros((albums.max() + 1, GENRES))
    np.add.at(counts, (albums, genres), 1)
    sizes = counts.sum(axis=1)
    return float((counts * (counts - 1)).sum() / (sizes * (sizes - 1)).sum())


def test_a_table_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv(VARIABLE, "/nowhere/genres.csv.gz")
    with pytest.raises(FileNotFoundError, match="/nowhere/genres"):
        album_structure.__wrapped__()
