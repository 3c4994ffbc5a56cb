"""What the demo prints of its songs, against what they were made to be."""

from pathlib import Path
from typing import Any

import pytest
from standalone.demo.figures import figures, guess_figures, stage_figures
from standalone.demo_library import Song


def a_song(genre: str) -> Song:
    return Song(
        path=Path("song.mp3"),
        title="Song",
        artist="Artist",
        album="Album",
        true_genre=genre,
        tagged_genres=(genre,),
        tag_state="right",
        duration_seconds=30.0,
        codec="mp3",
    )


def a_row(**fields: Any) -> dict[str, Any]:
    made_up: dict[str, Any] = {
        "first_guess": None,
        "ai_genre": "Jazz",
        "deciding_stage": 1,
        "out_of_fold": True,
        "suspected_label_error": False,
        "extracted": True,
        "in_plex": "untouched",
        "plex_genres": ["Jazz"],
    }
    return made_up | fields


def test_guesses_are_counted_by_genre_with_those_that_were_made_to_be_of_it() -> None:
    songs = [
        (a_song("Jazz"), a_row(first_guess="Jazz")),
        (a_song("Blues"), a_row(first_guess="Jazz")),
        (a_song("Rap"), a_row(first_guess="Rap")),
        (a_song("Anime"), a_row()),
    ]
    found = guess_figures(songs, ["Anime"])
    assert [(each.genre, each.songs, each.right) for each in found.genres] == [("Jazz", 2, 1), ("Rap", 1, 1)]
    assert (found.guessed, found.right, found.songs, found.cannot_be_guessed) == (3, 2, 4, ("Anime",))


def test_each_stage_is_told_with_what_it_decided_and_how_many_of_these_it_got_right() -> None:
    songs = [
        (a_song("Jazz"), a_row()),
        (a_song("Blues"), a_row()),
        (a_song("Jazz"), a_row(deciding_stage=2)),
        (a_song("Rap"), a_row(deciding_stage=2, out_of_fold=False)),
        (a_song("Rap"), a_row(deciding_stage=None, ai_genre=None)),
    ]
    first, second = stage_figures(songs, {1: ("FMA",), 2: ("FMA", "MusiCNN")})
    assert (first.decided, first.held_out, first.right) == (2, 2, 1)
    assert (second.decided, second.held_out, second.right) == (2, 1, 1)
    assert "FMA + MusiCNN" in str(second)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"unused": ["MusiCNN"]}, "MusiCNN"),
        ({"with_trial": True}, "MERT"),
        ({"missing_embeddings": {"MusiCNN": "run make install"}}, ""),
    ],
)
def test_an_embedding_that_is_installed_and_unused_is_a_shortfall_and_a_missing_one_is_none(
    options: dict[str, Any], word: str
) -> None:
    songs = [(a_song(genre), a_row()) for genre in ("Jazz", "Jazz", "Jazz", "Blues")]
    found = figures(songs, {}, stages={1: ("FMA",)}, **options).shortfalls()
    assert [word in each for each in found] == ([True] if word else [])
