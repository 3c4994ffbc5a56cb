"""What the demo says of itself before and as it begins."""

import inspect
import re

import pytest
from standalone.commands.demo import demo, welcome
from standalone.demo_library.catalogue import catalogue


@pytest.mark.parametrize("songs_per_genre", [2, 6, 10])
def test_the_demo_says_how_many_songs_it_makes_and_with_which_tags(songs_per_genre: int) -> None:
    songs = catalogue(seed=0, songs_per_genre=songs_per_genre)
    tags = [song.tag_state for song in songs]
    numbers = [int(number) for number in re.findall(r"\d+", welcome(songs_per_genre))]
    artists = {(song.genre, song.artist) for song in songs}
    assert numbers == [len(songs), 16, len(artists), tags.count("wrong"), tags.count("missing")]


def test_the_help_of_tiny_models_says_that_musicnn_is_switched_off() -> None:
    (option,) = inspect.signature(demo).parameters["tiny_models"].annotation.__metadata__
    assert "MusiCNN is switched off" in option.help
