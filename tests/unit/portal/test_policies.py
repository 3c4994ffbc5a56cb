"""The pure rules: what is written to Plex, what a song's genres were before us, when a song is tried again."""

import pytest
from features.errors import FeatureError
from portal.extraction.failures import OF_THE_SONG
from portal.genres.spelling import IGNORED
from portal.ledger.originals import Edit, original_genres
from portal.remote.plex import GenreState
from portal.runs.retry_schedule import MAX_ATTEMPTS, exhausted, wait_seconds
from portal.writing.policy import Said, TargetGenre, edit, objection, target_genre

JAZZ, ROCK = (1, "Jazz"), (2, "Pop_Rock")
SPELLINGS = {"jazz": 1, "bebop": 1, "rock": 2, "poprock": 2}
SURE = {"predicted": JAZZ, "confidence": 0.8, "classified": True}
TARGET = TargetGenre(genre_id=1, genre="Jazz", source="AI", confidence=0.8)


def test_a_sure_verdict_is_written_with_its_confidence():
    assert target_genre(Said(**SURE), min_confidence=0.8) == TARGET


@pytest.mark.parametrize(
    "changes",
    [
        {"confidence": 0.79},
        {"classified": False},
        {"predicted": None},
        {"objection": "Its tag says Classical."},
        {"excluded": True},
        {"removed": True},
        {"excluded": True, "override": ROCK},
        {"removed": True, "override": ROCK},
    ],
)
def test_what_is_not_sure_enough_or_not_wanted_is_never_written(changes):
    assert target_genre(Said(**(SURE | changes)), min_confidence=0.8) is None


def test_a_persons_word_wins_over_any_verdict():
    said = Said(**(SURE | {"override": ROCK, "classified": False}))
    assert target_genre(said, min_confidence=1.0) == TargetGenre(
        genre_id=2, genre="Pop_Rock", source="person", confidence=None
    )


@pytest.mark.parametrize(
    "genres",
    [("Bebop",), ("BEBOP", "Soundtrack"), ("Jazz",), ("Rock", "Jazz"), ("Rock, Jazz",), ("Jazz / Rock",)],
)
def test_tags_that_stand_for_the_genre_already_are_left_alone(genres):
    assert edit(GenreState(genres=genres), TARGET, SPELLINGS) is None


@pytest.mark.parametrize("genres", [(), ("Rock",), ("Rock, Rock",), ("Soundtrack",)])
def test_other_tags_are_replaced_by_the_genre_and_locked(genres):
    wanted = GenreState(genres=("Jazz",), locked=True)
    assert edit(GenreState(genres=genres), TARGET, SPELLINGS) == wanted


def test_the_ai_is_not_written_over_tags_that_nobody_knows_or_that_the_model_has_not_learned():
    known = SPELLINGS | {"kpop": 3, "live": IGNORED}
    beyond = {3: "K-Pop"}
    assert "None of its tags is known (Classical, Disco)" in objection(["Classical", "Disco"], known, beyond)
    assert "Its tag says K-Pop, which the model has not learned" in objection(
        ["Rock", "K-Pop"], known, beyond
    )
    assert [objection(tags, known, beyond) for tags in ([], ["Live"], ["Rock", "Disco"])] == ["", "", ""]


FIRST = Edit(before=("Rock", "Pop"), after=("Jazz",))
SECOND = Edit(before=("Jazz",), after=("Blues",))


@pytest.mark.parametrize(
    ("present", "edits", "original"),
    [
        (("Rock",), [], ("Rock",)),
        (("Jazz",), [FIRST], ("Rock", "Pop")),
        (("JAZZ",), [FIRST], ("Rock", "Pop")),
        (("Blues",), [SECOND, FIRST], ("Rock", "Pop")),
        (("Reggae",), [SECOND, FIRST], ("Reggae",)),
        (("Blues", "Mine"), [SECOND, FIRST], ("Blues", "Mine")),
        ((), [Edit(before=("Rock",), after=())], ("Rock",)),
        (("Jazz",), [SECOND, FIRST], ("Rock", "Pop")),
        (("Chanso\u0301n",), [Edit(before=("Rock",), after=("Chans\u00f3n",))], ("Rock",)),
    ],
)
def test_genres_that_we_wrote_give_way_to_those_before_us(present, edits, original):
    assert original_genres(present, edits) == original


def test_waits_grow_and_end():
    waits = [wait_seconds(attempts) for attempts in range(MAX_ATTEMPTS + 3)]
    assert waits == sorted(waits)
    assert not exhausted(MAX_ATTEMPTS - 1)
    assert exhausted(MAX_ATTEMPTS)


def test_what_features_says_for_good_of_a_song_is_the_songs_own_fault() -> None:
    # The next sync gives the key back to its own song.
    of_the_request = {"INVALID_REQUEST", "OUTSIDE_MEDIA_FOLDERS", "ANOTHER_TRACK"}
    for_good = {error.reason for error in FeatureError.__subclasses__() if error.permanent}
    assert for_good - of_the_request <= OF_THE_SONG
    assert of_the_request < for_good
