"""An artist is known again by its names, in the spellings that a training unites, and by no more than digests."""

import numpy as np
import pytest
from inference.classify.verdicts import NO_FOLD
from inference.decision.credits import Credit
from inference.training.artist_folds import ArtistFolds, artist_folds
from inference.training.song_groups import group_songs

SONGS = (
    ("Björk feat. Rosalía", "Björk", 1),
    ("björk", "", 1),
    ("Simon & Garfunkel", "Simon & Garfunkel", 2),
    ("David Bowie", "", 3),
    ("David Bowie & Queen", "", 3),
    ("Solange", "Blackstreet", 0),
    ("Guest", "The Host", 2),
    ("Another", "The Host", 3),
    ("Left Out", "", NO_FOLD),
    ("", "", 2),
)


def learned() -> ArtistFolds:
    credits = [
        Credit(song_id=str(number), artist=artist, album_artist=album_artist)
        for number, (artist, album_artist, _) in enumerate(SONGS)
    ]
    return artist_folds(credits, np.array([fold for *_, fold in SONGS]))


@pytest.mark.parametrize(
    ("artist", "album_artist", "fold"),
    [
        ("Björk", "", 1),
        ("BJÖRK ft. Anyone", "", 1),
        ("Simon & Garfunkel", "", 2),
        # Whose song is it, the duo's? A head that learned from neither is right whoever he is.
        ("Simon", "", 2),
        # The second name counts where the first is not known to stand alone.
        ("David Bowie & Anyone", "", 3),
        ("Anyone & David Bowie", "", NO_FOLD),
        ("Anyone", "Björk", 1),
        ("Unknown Artist", "Björk", 1),
        ("Anyone", "Blackstreet", 0),
        # The song's own album artist stands alone.
        ("David Bowie & Anyone", "Björk", 3),
        ("Anyone", "The Host", NO_FOLD),
        ("Left Out", "", NO_FOLD),
        ("Rosalía", "Various Artists", NO_FOLD),
        ("Never Heard Of", "", NO_FOLD),
        ("", "", NO_FOLD),
        ("Simon & Garfunkel" + " " * 2000 + "x", "", 2),
    ],
)
def test_an_artist_is_known_again(artist: str, album_artist: str, fold: int) -> None:
    assert learned().fold_of(artist, album_artist) == fold


def test_a_song_that_would_be_in_a_group_of_the_training_has_the_fold_of_that_group() -> None:
    random = np.random.default_rng(0)
    names = [f"artist {number}" for number in range(30)]
    artists = [
        str(random.choice(names)) + str(random.choice(["", "", " feat. guest", " & artist 3", ", somebody"]))
        for _ in range(300)
    ]
    credits = [Credit(song_id=str(number), artist=artist) for number, artist in enumerate(artists)]
    asked, learned_of = credits[:100], credits[100:]
    groups = group_songs(learned_of).numbers
    folds = np.unique(groups, return_inverse=True)[1] % 5
    known = artist_folds(learned_of, folds)
    united = 0
    for song in asked:
        (*others, own) = group_songs([*learned_of, song]).numbers
        expected = np.unique(folds[np.array(others) == own])
        if len(expected) == 1:
            united += 1
            assert known.fold_of(song.artist, "") == expected[0]
    assert united > 90


def test_no_name_is_kept() -> None:
    known = learned()
    assert known.names.dtype == np.int64
    assert (np.diff(known.names) > 0).all()
    assert len(known.names) < 3 * len(SONGS)
