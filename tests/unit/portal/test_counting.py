"""Numbers of things as people read them."""

import re
from pathlib import Path

import pytest
from portal.counting import counted, listed

PORTAL = Path(__file__).parents[3] / "services" / "portal" / "portal"


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 songs have"), (1, "1 song has"), (2, "2 songs have"), (12_000, "12,000 songs have")],
)
def test_one_song_is_no_songs(number: int, said: str) -> None:
    assert counted(number, "song", verb=("has", "have")) == said
    assert counted(number, "song") == said.rpartition(" ")[0]


def test_of_many_names_the_first_are_listed_and_the_others_counted() -> None:
    assert listed(["Rock", "Pop"], 2) == "Rock, Pop"
    assert listed(["Rock", "Pop", "Jazz"], 2) == "Rock, Pop and 1 more"
    assert listed(["Rock", "Pop"], 2, 12) == "Rock, Pop and 10 more"
    assert listed([], 2) == ""


def test_no_message_works_out_the_plural_of_songs_for_itself() -> None:
    own = re.compile(r"songs?\{'' if|1 song (has|was|is)|songs have\" if")
    found = [path for path in PORTAL.rglob("*.py") if own.search(path.read_text())]
    assert not found
