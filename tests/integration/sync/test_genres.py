"""Genres written to a Plex that adds or replaces, spells as it likes, loses answers or says no."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from plex_stand_in import MUSIC, ODD_KEY, Control
from sync.errors import (
    GenresChangedError,
    InvalidRequestError,
    ServerBusyError,
    ServerTooOldError,
    ServerUnreachableError,
    TokenRefusedError,
    TrackNotFoundError,
    WriteNotTakenError,
)
from sync.genres import same_genres
from sync.library import PlexMusic
from sync.tracks import GenreState
from waiting import until

BEFORE = GenreState(genres=("Rock", "Pop", "Soundtrack"))
LISTING = f"/library/sections/{MUSIC}/all"


def write(
    music: PlexMusic,
    *genres: str,
    rating_key: int = 1001,
    locked: bool | None = True,
    expected: GenreState | None = BEFORE,
) -> tuple[GenreState, GenreState, bool]:
    return music.write_genres(str(rating_key), genres, locked=locked, expected=expected)


def sent(control: Control) -> int:
    return sum(edit["source"] == "edit" for edit in control.edits())


@pytest.mark.parametrize("edit_mode", ["add", "replace"])
@pytest.mark.parametrize("spelling", ["kept", "reused", "capitalised"])
@pytest.mark.parametrize(
    "wanted",
    [
        ("Jazz",),
        ("Rock", "lo-fi"),
        ("Pop", "Rock"),
        ("Drum & Bass, UK", "Hip-Hop/Rap", "100%", "ジャズ"),
        (),
        tuple(f"G{i}" for i in range(12)),
    ],
)
def test_the_list_becomes_exactly_as_asked_and_goes_back_exactly(
    music: PlexMusic, control: Control, edit_mode: str, spelling: str, wanted: tuple[str, ...]
) -> None:
    control.behave(edit_mode=edit_mode, spelling=spelling)

    before, after, changed = write(music, *wanted)

    assert (before, changed) == (BEFORE, True)
    assert ([name.casefold() for name in after.genres], after.locked) == (
        [name.casefold() for name in wanted],
        True,
    )
    assert control.state(1001) == (list(after.genres), after.locked)

    _, restored, _ = write(music, *BEFORE.genres, locked=BEFORE.locked, expected=after)

    assert restored == BEFORE
    assert control.state(1001) == (list(BEFORE.genres), BEFORE.locked)


def test_genres_that_a_listing_does_not_show_are_not_lost_on_the_way(
    music: PlexMusic, control: Control
) -> None:
    control.behave(edit_mode="replace", listing_genres="two")
    many = tuple(f"Genre {i}" for i in range(12))

    write(music, *many, "New", rating_key=ODD_KEY + 2, expected=GenreState(genres=many))

    assert control.state(ODD_KEY + 2) == ([*many, "New"], True)


@pytest.mark.parametrize(("asked", "was", "becomes"), [
    (True, False, True), (True, True, True), (False, True, False), (False, False, False),
    (None, True, True), (None, False, False),
])  # fmt: skip
def test_the_lock_is_set_taken_away_or_kept(
    music: PlexMusic, control: Control, asked: bool | None, was: bool, becomes: bool
) -> None:
    control.ask("PUT", "tracks/1001/genres", {"genres": list(BEFORE.genres), "locked": was})

    _, after, _ = write(music, "Jazz", locked=asked, expected=None)

    assert after == GenreState(genres=("Jazz",), locked=becomes)


def test_a_lock_alone_changes_no_genre(music: PlexMusic, control: Control) -> None:
    control.behave(edit_mode="replace")

    _, after, changed = write(music, *BEFORE.genres, locked=True)

    assert (after.genres, after.locked, changed) == (BEFORE.genres, True, True)
    assert control.edits()[-1]["query"].startswith("genre.locked=1&id=1001")


def test_locked_genres_survive_a_refresh_of_plex_and_unlocked_ones_do_not(
    music: PlexMusic, control: Control
) -> None:
    write(music, "Jazz")
    write(music, "Jazz", rating_key=1002, locked=False)

    control.ask("POST", "refresh", {"rating_keys": [1001, 1002]})

    assert control.state(1001) == (["Jazz"], True)
    assert control.state(1002) == ([], False)


def test_what_is_as_asked_already_is_not_sent_even_when_something_else_was_expected(
    music: PlexMusic, control: Control
) -> None:
    write(music, "Jazz")

    _, after, changed = write(music, "JAZZ", expected=BEFORE)

    assert (after.genres, changed) == (("Jazz",), False)
    assert sent(control) == 1


def test_a_lock_set_by_hand_since_is_a_change_like_any_other(music: PlexMusic, control: Control) -> None:
    control.ask("PUT", "tracks/1001/genres", {"genres": list(BEFORE.genres), "locked": True})

    with pytest.raises(GenresChangedError, match="Soundtrack, locked"):
        write(music, "Jazz")


def test_expected_genres_are_compared_without_regard_to_case_or_order(
    music: PlexMusic, control: Control
) -> None:
    _, after, _ = write(music, "Jazz", expected=GenreState(genres=("SOUNDTRACK", "rock", "Pop")))

    assert after.genres == ("Jazz",)


@pytest.mark.parametrize("kind", ["reset_after", "reset_before", "hang", "status"])
def test_an_edit_whose_answer_is_lost_ends_as_asked(music: PlexMusic, control: Control, kind: str) -> None:
    control.fail(kind, method="PUT", path=LISTING)

    before, after, changed = write(music, "Jazz")

    assert (before, after, changed) == (BEFORE, GenreState(genres=("Jazz",), locked=True), True)
    assert sent(control) == 1


def test_an_edit_that_never_gets_through_is_an_error_that_may_pass(
    music: PlexMusic, control: Control
) -> None:
    control.fail("status", method="PUT", path=LISTING, times=-1)

    with pytest.raises(ServerBusyError, match="starting or in maintenance"):
        write(music, "Jazz")
    assert control.state(1001) == (list(BEFORE.genres), False)


def test_a_write_cut_off_between_its_two_edits_is_finished_by_its_repetition(
    music: PlexMusic, control: Control
) -> None:
    control.fail("reset_before", path="/library/metadata/1001", skip=1, times=-1)
    with pytest.raises(ServerUnreachableError):
        write(music, "Pop", "Rock")
    control.ask("DELETE", "faults")
    assert control.state(1001)[0] == []

    _, after, _ = write(music, "Pop", "Rock")

    assert after.genres == ("Pop", "Rock")


def test_a_server_that_orders_genres_by_itself_is_let_do_so(music: PlexMusic, control: Control) -> None:
    control.behave(genre_order="sorted")

    _, after, changed = write(music, "Rock", "Jazz")

    assert changed
    assert same_genres(after.genres, ("Rock", "Jazz"))
    assert sent(control) <= 2


@pytest.mark.parametrize("vanished_edit", ["missing", "silent"])
def test_a_track_that_goes_while_it_is_written_is_not_found(
    music: PlexMusic, control: Control, vanished_edit: str
) -> None:
    control.behave(vanished_edit=vanished_edit)
    control.fail("remove_after", path="/library/metadata/1001", rating_keys=[1001])

    with pytest.raises(TrackNotFoundError, match="no track 1001"):
        write(music, "Jazz")


def test_a_track_with_a_new_key_is_not_found_under_the_old_one(music: PlexMusic, control: Control) -> None:
    new_key = control.ask("POST", "tracks/1001/rekey")["rating_key"]

    with pytest.raises(TrackNotFoundError, match="has a new key"):
        write(music, "Jazz")
    assert music.track(str(new_key)).guid == f"plex://track/{1001:024x}"


def test_an_edit_that_plex_answers_and_ignores_is_not_taken_for_done(
    music: PlexMusic, control: Control
) -> None:
    control.behave(ignores_edits=True)

    with pytest.raises(
        WriteNotTakenError, match=r"has \[Rock, Pop, Soundtrack\] instead of \[Jazz, locked\]"
    ):
        write(music, "Jazz")


def test_a_token_without_the_right_to_edit_is_said_at_once(music: PlexMusic, control: Control) -> None:
    control.fail("status", method="PUT", path=LISTING, status=403, times=-1)

    with pytest.raises(TokenRefusedError, match="owner"):
        write(music, "Jazz")
    assert sum(request["method"] == "PUT" for request in control.requests()) == 1


def test_a_server_without_genres_on_tracks_is_neither_read_nor_written_for_them(control: Control) -> None:
    control.behave(version="1.32.8.7639-fb6452ebf")
    old = control.music()

    with pytest.raises(ServerTooOldError, match=r"1\.32\.8.*update it to 1\.40\.0"):
        write(old, "Jazz")
    with pytest.raises(ServerTooOldError, match=r"update it"):
        old.tracks(["1001"])
    assert old.page(MUSIC, 10, "").tracks

    control.behave(version="1.40.0.7775-456fbaf97")

    assert old.tracks(["1001"])[0][0].genre_state == BEFORE
    old.close()


def test_what_somebody_chooses_while_an_edit_is_on_its_way_is_not_written_over(
    music: PlexMusic, control: Control
) -> None:
    control.fail("hang", method="PUT", path=LISTING)
    with ThreadPoolExecutor(1) as threads:
        written = threads.submit(write, music, "Jazz")
        until(lambda: any(request["method"] == "PUT" for request in control.requests()))
        control.ask("PUT", "tracks/1001/genres", {"genres": ["Blues"], "locked": True})

        with pytest.raises(GenresChangedError, match="somebody changed it while it was written"):
            written.result()
    assert control.state(1001) == (["Blues"], True)
    assert sent(control) == 0


def test_a_server_that_keeps_a_genre_in_another_way_is_said_to_have_it_so(
    music: PlexMusic, control: Control
) -> None:
    control.behave(spelling="spaced")

    with pytest.raises(WriteNotTakenError, match=r"has \[City Pop, locked\] instead of \[City_Pop, locked\]"):
        write(music, "City_Pop")


def test_two_spellings_of_one_genre_both_come_back(music: PlexMusic, control: Control) -> None:
    control.ask("PUT", "tracks/1001/genres", {"genres": ["Rock", "Pop", "Rock "], "locked": False})
    before = GenreState(genres=("Rock", "Pop", "Rock "))
    _, after, _ = write(music, "Jazz", expected=before)

    write(music, *before.genres, locked=False, expected=after)

    assert control.state(1001) == (list(before.genres), False)


def test_genres_that_one_request_takes_away_and_could_not_bring_back_are_left_alone(
    music: PlexMusic, control: Control
) -> None:
    many = [f"Genre{'x' * 35}{number:04}" for number in range(1000)]
    control.ask("PUT", "tracks/1001/genres", {"genres": many, "locked": False})

    with pytest.raises(InvalidRequestError, match="1000 genres, more than one request could put back"):
        write(music, "Jazz", expected=None)

    assert control.state(1001)[0] == many
    assert write(music, *many, expected=None)[1].locked  # the lock alone takes nothing away


def test_a_track_that_plex_gives_in_place_of_another_is_not_written_to(
    music: PlexMusic, control: Control
) -> None:
    other = {"rating_key": 4001, "title": "Merged", "odd": {"ratingKey": "1002"}}
    control.ask("POST", "tracks", {"library_key": int(MUSIC), "tracks": [other]})

    with pytest.raises(TrackNotFoundError, match="no track 4001"):
        write(music, "Jazz", rating_key=4001, expected=None)
    assert control.state(1002) == (list(BEFORE.genres), False)
