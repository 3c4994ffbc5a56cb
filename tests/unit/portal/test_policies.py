"""The pure rules: what is written to Plex, what a song's genres were before us, when a song is tried again."""

from dataclasses import replace

import pytest
from features.errors import FeatureError
from portal.extraction.failures import OF_THE_SONG
from portal.genres.spelling import IGNORED
from portal.ledger.kinds import WriteKind
from portal.ledger.originals import Edit, original_genres
from portal.remote.plex import GenreState
from portal.runs.retry_schedule import MAX_ATTEMPTS, exhausted, wait_seconds
from portal.writing.policy import (
    Said,
    TargetGenre,
    WritingRules,
    objection,
    planned_edit,
    tags_destroyed,
    target_genre,
)

ROCK = (2, "Pop_Rock")
SPELLINGS = {"jazz": 1, "bebop": 1, "rock": 2, "poprock": 2, "live": IGNORED}
NAMES = {1: "Jazz", 2: "Pop_Rock"}
TARGET = TargetGenre(genre_id=1, genre="Jazz", source="AI", confidence=0.8, tag_probability=0.1)
BY_HAND = TargetGenre(genre_id=2, genre="Pop_Rock", source="person")
SURE = {"decided": TARGET, "classified": True}


def rules(*kinds: WriteKind) -> WritingRules:
    return WritingRules(genres_by_spelling=SPELLINGS, names=NAMES, kinds=kinds or tuple(WriteKind))


def in_plex(*genres: str) -> GenreState:
    return GenreState(genres=genres)


def test_a_sure_decision_is_written_with_its_confidence():
    assert target_genre(Said(**SURE), min_confidence=0.8) == TARGET


@pytest.mark.parametrize(
    "changes",
    [
        {"decided": replace(TARGET, confidence=0.79)},
        {"classified": False},
        {"decided": None},
        {"objection": "Its tag says Classical."},
        {"excluded": True},
        {"removed": True},
        {"excluded": True, "override": ROCK},
        {"removed": True, "override": ROCK},
    ],
)
def test_what_is_not_sure_enough_or_not_wanted_is_never_written(changes):
    assert target_genre(Said(**(SURE | changes)), min_confidence=0.8) is None


def test_a_persons_word_wins_over_any_decision():
    said = Said(**(SURE | {"override": ROCK, "classified": False}))
    assert target_genre(said, min_confidence=1.0) == BY_HAND


@pytest.mark.parametrize(
    "genres",
    [("Bebop",), ("BEBOP", "Soundtrack"), ("Jazz",), ("Rock", "Jazz"), ("Rock, Jazz",), ("Jazz / Rock",)],
)
def test_tags_that_stand_for_the_genre_already_are_left_alone(genres):
    written = (WriteKind.FILL, WriteKind.CORRECTION, WriteKind.PERSON)
    assert planned_edit(in_plex(*genres), TARGET, rules(*written)) is None


@pytest.mark.parametrize("genres", [(), ("Rock",), ("Rock, Rock",), ("Soundtrack",)])
def test_other_tags_are_replaced_by_the_genre_and_locked(genres):
    assert planned_edit(in_plex(*genres), TARGET, rules()).after == GenreState(genres=("Jazz",), locked=True)


FILL, CORRECTION = (replace(TARGET, kind=kind) for kind in (WriteKind.FILL, WriteKind.CORRECTION))


@pytest.mark.parametrize(
    ("before", "target", "kind", "destroyed"),
    [
        ((), FILL, WriteKind.FILL, 0.0),
        (("Rock",), CORRECTION, WriteKind.CORRECTION, 0.1),
        # Its own tags name the genre: what stands in Plex is nothing, or what we wrote.
        ((), TARGET, WriteKind.FILL, 0.0),
        (("Rock",), TARGET, WriteKind.CORRECTION, 0.0),
        # It has no tag: what stands in Plex is what we wrote.
        (("Rock",), FILL, WriteKind.FILL, 0.0),
        (("Bebop",), BY_HAND, WriteKind.PERSON, 0.0),
    ],
)
def test_the_kind_of_a_write_is_told_by_the_songs_own_tags(before, target, kind, destroyed):
    edit = planned_edit(in_plex(*before), target, rules())
    assert (edit.kind, tags_destroyed(edit)) == (kind, destroyed)
    switched_off = rules(*(set(WriteKind) - {kind, WriteKind.TRANSLATION}))
    assert planned_edit(in_plex(*before), target, switched_off) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("Bebop",), ("Jazz",)),
        (("Bebop", "Live", "Disco", "Jazz"), ("Jazz", "Live", "Disco")),
        (("Rock; Bebop",), ("Pop_Rock", "Jazz")),
        (("jazz",), None),
        (("Disco",), None),
        ((), None),
    ],
)
def test_a_translation_spells_what_tags_stand_for_and_leaves_the_others(before, after):
    edit = planned_edit(in_plex(*before), None, rules())
    assert (edit and (edit.after.genres, edit.kind, edit.source, edit.target)) == (
        after and (after, WriteKind.TRANSLATION, "tags", None)
    )
    assert planned_edit(in_plex(*before), None, rules(WriteKind.FILL, WriteKind.CORRECTION)) is None


def test_a_song_whose_tags_name_the_genre_in_another_spelling_is_translated():
    assert planned_edit(in_plex("Bebop"), TARGET, rules()).kind is WriteKind.TRANSLATION


def test_the_ai_is_not_written_over_tags_that_nobody_knows_or_that_the_model_has_not_learned():
    known = SPELLINGS | {"kpop": 3}
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
