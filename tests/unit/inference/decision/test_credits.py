"""Where songs stand in the tree of artists and albums, as their tags say it."""

import time

import pytest
from inference.decision.credits import Credit, is_nobody, kind_of, places
from inference.decision.evidence import NONE, AlbumKind


def placed(*songs: tuple[str, str, str]) -> list[tuple[int, int, int]]:
    """Album, artist and kind of songs by (artist, album artist, album)."""
    found = places(
        [
            Credit(song_id=str(number), artist=artist, album_artist=album_artist, album=album)
            for number, (artist, album_artist, album) in enumerate(songs)
        ]
    )
    return list(zip(found.albums.tolist(), found.artists.tolist(), found.kinds.tolist(), strict=True))


def test_an_album_is_its_album_artists_whoever_sings() -> None:
    first, second = placed(("Band", "Band", "One"), ("Guest", "band ", "ONE"))
    assert first == second


def test_albums_of_one_title_are_apart_where_their_artists_are() -> None:
    first, second = placed(("Band", "Band", "Live"), ("Other", "Other", "Live"))
    assert first[:2] != second[:2]


def test_an_album_without_an_album_artist_is_its_artists() -> None:
    first, second = placed(("Band feat. Guest", "", "One"), ("Band", "Band", "One"))
    assert first == second


def test_a_compilation_is_one_album_and_nobodys() -> None:
    first, second = placed(("Band", "Various Artists", "Hits"), ("Other", "Various Artists", "Hits"))
    assert first == second == (0, NONE, AlbumKind.COMPILATION)


def test_a_song_without_an_album_is_on_none() -> None:
    assert placed(("Band", "Band", " "), ("Band", "Band", ""))[0] == (NONE, 0, AlbumKind.ARTIST)
    assert [song[0] for song in placed(("Band", "Band", ""), ("Band", "Band", ""))] == [NONE, NONE]


@pytest.mark.parametrize(
    "title",
    [
        "The Matrix (Original Motion Picture Soundtrack)",
        "Amélie OST",
        "Up - Original Score",
        "Il Postino: Colonna Sonora",
    ],
)
def test_soundtracks_are_known_by_their_titles(title: str) -> None:
    assert kind_of(title, is_nobodys=False) == AlbumKind.SOUNDTRACK


@pytest.mark.parametrize("title", ["Lost", "Cost of Living", "Ghost Stories", "Settling the Score"])
def test_words_that_only_look_like_a_soundtrack_are_none(title: str) -> None:
    assert kind_of(title, is_nobodys=False) == AlbumKind.ARTIST


def test_nobody_is_somebody_who_is_named_and_no_artist() -> None:
    assert is_nobody("Various Artists")
    assert not is_nobody("")
    assert not is_nobody("Vario")


def test_a_hostile_name_costs_no_more_than_its_length() -> None:
    """Two ways to read a run of underscores cost its square: a minute for this one."""
    began = time.process_time()
    is_nobody("artist" + "_" * 40_000 + "!")
    assert time.process_time() - began < 5
