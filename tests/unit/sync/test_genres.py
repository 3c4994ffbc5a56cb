"""Which edits lead from any genres to any others, under every reading of Plex's documentation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standalone.plex_stand_in.behaviour import Behaviour
from standalone.plex_stand_in.edits import Edit, Spelling, apply
from standalone.plex_stand_in.edits import GenreState as PlexState
from sync.errors import InvalidRequestError
from sync.genres import GenreEdit, explained, half_done, identities, next_edit, same_genres, wanted_genres
from sync.tracks import GenreState

NAMES = ("Rock", "Pop", "Jazz", "k-pop", "R&B, UK", "100%", "Émotion")
lists = st.lists(st.sampled_from(NAMES), unique=True, max_size=5).map(tuple)
spelled_lists = st.lists(st.sampled_from((*NAMES, "rock", "Rock ", "JAZZ")), unique=True, max_size=5).map(
    tuple
)
behaviours = st.builds(
    Behaviour,
    edit_mode=st.sampled_from(["add", "replace"]),
    spelling=st.sampled_from(["kept", "reused", "capitalised"]),
)


def sent(edit: GenreEdit) -> Edit:
    """The edit as a server reads it out of the query."""
    return Edit.parse([("type", "10"), ("id", "1"), *edit.parameters().items()])


def taken(state: GenreState, edit: GenreEdit, behaviour: Behaviour) -> GenreState:
    spelling = Spelling()
    spelling.learn(state.genres)
    before = PlexState(genres=state.genres, locked=state.locked)
    after = apply(sent(edit), before, behaviour, lambda name: spelling.spell(name, behaviour))
    return GenreState(genres=after.genres, locked=after.locked)


@given(have=lists, want=lists, was_locked=st.booleans(), lock=st.booleans(), behaviour=behaviours)
def test_two_edits_at_most_make_any_genres_any_others_in_order_whether_plex_adds_or_replaces(
    have: tuple[str, ...], want: tuple[str, ...], was_locked: bool, lock: bool, behaviour: Behaviour
) -> None:
    state, wanted = GenreState(genres=have, locked=was_locked), GenreState(genres=want, locked=lock)
    edits = 0
    while edit := next_edit(state, wanted):
        state = taken(state, edit, behaviour)
        edits += 1
        assert edits <= 2

    assert (identities(state.genres), state.locked) == (identities(want), lock)


@given(have=lists, want=lists, behaviour=behaviours)
def test_an_edit_never_names_one_genre_in_both_of_its_halves(
    have: tuple[str, ...], want: tuple[str, ...], behaviour: Behaviour
) -> None:
    edit = next_edit(GenreState(genres=have), GenreState(genres=want, locked=True))

    assert edit is not None
    assert not set(identities(edit.genres)) & set(identities(edit.remove))


@given(have=lists, want=lists)
def test_a_track_between_two_edits_is_known_as_our_own_unfinished_work(
    have: tuple[str, ...], want: tuple[str, ...]
) -> None:
    before, wanted = GenreState(genres=have), GenreState(genres=want, locked=True)
    first = next_edit(before, wanted)

    assert first is not None
    assert half_done(taken(before, first, Behaviour()), before, wanted)


def test_only_the_lock_is_sent_where_only_the_lock_differs() -> None:
    edit = next_edit(GenreState(genres=("Rock",)), GenreState(genres=("rock",), locked=True))

    assert edit is not None
    assert edit.parameters() == {"genre.locked": "1"}


def test_genres_that_plex_has_are_sent_in_plex_s_own_spelling() -> None:
    edit = next_edit(GenreState(genres=("rock",)), GenreState(genres=("Rock", "Jazz")))

    assert edit is not None
    assert edit.genres == ("rock", "Jazz")


def test_a_removed_genre_with_a_comma_arrives_as_one() -> None:
    edit = GenreEdit(genres=(), remove=("Drum & Bass, UK", "100%"), locked=True)

    assert sent(edit).remove == ("Drum & Bass, UK", "100%")


def test_doubles_are_dropped_and_spellings_stay() -> None:
    assert wanted_genres(["Rock", "Rock ", "Rock", "ROCK", "Jazz"]) == ("Rock", "Rock ", "ROCK", "Jazz")


def test_several_spellings_of_one_genre_are_taken_away_and_brought_back_together() -> None:
    before, wanted = GenreState(genres=("Rock", "Pop", "Rock ")), GenreState(genres=("Jazz",), locked=True)
    there, back = next_edit(before, wanted), next_edit(wanted, before)

    assert there is not None
    assert back is not None
    assert (there.genres, there.remove) == (("Jazz",), before.genres)
    assert (back.genres, back.remove) == (before.genres, ("Jazz",))


@given(have=spelled_lists, want=spelled_lists, behaviour=behaviours)
def test_edits_end_with_the_wanted_genres_whatever_spellings_of_one_there_are(
    have: tuple[str, ...], want: tuple[str, ...], behaviour: Behaviour
) -> None:
    state, wanted = GenreState(genres=have), GenreState(genres=want, locked=True)
    edits = 0
    while edit := next_edit(state, wanted):
        assert not set(identities(edit.genres)) & set(identities(edit.remove))
        before, state = state, taken(state, edit, behaviour)
        assert explained(state, before, wanted)
        edits += 1
        assert edits <= 2

    assert identities(state.genres) == identities(want)


@pytest.mark.parametrize(
    ("found", "ours"),
    [
        (("Rock", "Pop"), True),
        (("Rock", "Pop", "City_Pop"), True),
        (("City Pop",), True),
        (("city", "pop"), True),
        ((), True),
        (("Blues",), False),
        (("City Pop", "Live"), False),
        (("City Pop Revival",), False),
    ],
)
def test_what_an_edit_can_have_left_is_told_from_what_somebody_else_did(
    found: tuple[str, ...], ours: bool
) -> None:
    before, wanted = GenreState(genres=("Rock", "Pop")), GenreState(genres=("City_Pop",), locked=True)

    assert explained(GenreState(genres=found), before, wanted) is ours


@pytest.mark.parametrize("name", ["", "  "])
def test_a_genre_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="a genre is empty"):
        wanted_genres(["Rock", name])


def test_composed_and_decomposed_letters_are_one_genre() -> None:
    assert same_genres(["Émotion"], ["E\u0301motion"])
