"""One row for which Plex fails every time: it is passed over and named, and the sync is complete but for it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from features_stand_in import FeaturesStandIn
from plex_stand_in import TOKEN, Control
from portal.commands.following import exit_status
from portal.library.models import Track
from portal.orchestration.start import start_plan, start_sync
from portal.runs.models import Run, RunSong
from standalone.plex_stand_in.catalogue import Catalogue, StandInLibrary, StandInTrack
from standalone.plex_stand_in.server import running_stand_in

MUSIC = 2
KEYS = range(1, 31)


@pytest.fixture
def thirty(portal_of: Callable[..., AbstractContextManager[Any]], tmp_path: Path) -> Iterator[Any]:
    """A portal before thirty songs, none of them read yet."""
    songs = tuple(
        StandInTrack(rating_key=key, title=f"Song {key}", album_artist="A band", file=f"/music/{key}.mp3")
        for key in KEYS
    )
    library = StandInLibrary(key=MUSIC, title="Music", tracks=songs)
    with (
        running_stand_in(Catalogue(libraries=(library,)), tmp_path, token=TOKEN) as stand_in,
        portal_of(Control(stand_in=stand_in), FeaturesStandIn()) as portal,
    ):
        yield portal


def sync(portal: Any) -> Run:
    run: Run = portal.finish(start_sync(()))
    assert run.state == Run.State.DONE, run.message
    return run


def poison(portal: Any, *keys: int, how: str = "status") -> None:
    portal.plex.ask("POST", "poison", {"rating_keys": keys, "how": how})


@pytest.mark.parametrize("how", ["status", "broken"])
def test_a_song_that_was_never_seen_is_named_by_its_neighbours(thirty: Any, how: str) -> None:
    poison(thirty, 8, how=how)
    run = sync(thirty)
    assert run.message.startswith(
        "Complete but for 1: Plex fails whenever it is asked for row 8 (beside “A band - Song 7” and “A band - Song 9”)"
    )
    assert run.result["unreadable_rows"] == 1
    assert Track.objects.filter(removed_time=None).count() == len(KEYS) - 1
    assert exit_status(run) == 0


def test_a_song_that_was_known_stays_as_it_was_and_those_that_are_gone_are_removed(thirty: Any) -> None:
    sync(thirty)
    known = Track.objects.get(rating_key="8")
    poison(thirty, 8)
    thirty.plex.ask("DELETE", "tracks/20")
    run = sync(thirty)
    assert run.result["unreadable_rows"] == 1
    assert "“A band – Song 8” stays as it was known" in run.message
    assert "28 songs, 0 new, 1 removed" in run.message
    known.refresh_from_db()
    assert known.removed_time is None
    assert Track.objects.get(rating_key="20").removed_time is not None
    poison(thirty)
    run = sync(thirty)
    assert "Complete but for" not in run.message
    assert "unreadable_rows" not in run.result


def test_a_song_whose_metadata_alone_break_costs_none_of_its_hundred(thirty: Any) -> None:
    sync(thirty)
    Track.objects.update(last_synced=None)
    poison(thirty, 8)
    run = thirty.finish(start_sync((), full=True))
    assert (run.state, run.done_count) == (Run.State.DONE, len(KEYS) - 1)
    skipped = run.songs.get(state=RunSong.State.SKIPPED)
    assert (skipped.track.title, "Plex fails whenever" in skipped.message) == ("Song 8", True)
    assert not Track.objects.exclude(removed_time=None).exists()
    plan = thirty.finish(start_plan([skipped.track_id], min_confidence=0.7))
    assert plan.state == Run.State.DONE


@pytest.mark.parametrize("keys", [(8, 9), (1, 30), (1, 2), (29, 30)], ids=str)
def test_several_odd_songs_that_are_asked_for_alone_cost_no_later_sync(
    thirty: Any, keys: tuple[int, ...]
) -> None:
    sync(thirty)
    poison(thirty, *keys)
    Track.objects.filter(rating_key__in=map(str, keys)).update(last_synced=None)
    for _ in range(2):
        run = sync(thirty)
        assert run.result["unreadable_rows"] == 2
    assert not Track.objects.exclude(removed_time=None).exists()


def test_a_library_of_odd_songs_alone_is_complete_but_for_them(thirty: Any) -> None:
    for key in KEYS[2:]:
        thirty.plex.ask("DELETE", f"tracks/{key}")
    poison(thirty, 1, 2)
    assert sync(thirty).result["unreadable_rows"] == 2


def test_a_server_that_fails_at_everything_is_down_and_no_song_of_it_is_odd(thirty: Any) -> None:
    sync(thirty)
    before = len(thirty.plex.requests())
    thirty.plex.fail("status", status=500, path="/library/sections/2/all", times=-1)
    run = thirty.finish(start_sync(()))
    assert run.state == Run.State.FAILED
    assert "failed with status 500" in run.message
    assert len(thirty.plex.requests()) - before < 60
    assert not Track.objects.exclude(removed_time=None).exists()


@pytest.fixture
def four_hundred(portal_of: Callable[..., AbstractContextManager[Any]], tmp_path: Path) -> Iterator[Any]:
    """A portal before four hundred songs, all of them read."""
    songs = tuple(
        StandInTrack(rating_key=key, title=f"Song {key}", album_artist="A band", file=f"/music/{key}.mp3")
        for key in range(1, 401)
    )
    library = StandInLibrary(key=MUSIC, title="Music", tracks=songs)
    with (
        running_stand_in(Catalogue(libraries=(library,)), tmp_path, token=TOKEN) as stand_in,
        portal_of(Control(stand_in=stand_in), FeaturesStandIn()) as portal,
    ):
        sync(portal)
        yield portal


def test_odd_songs_all_over_a_library_cost_it_no_sync_however_many_are_asked_for_together(
    four_hundred: Any,
) -> None:
    odd = range(7, 401, 20)
    poison(four_hundred, *odd)
    Track.objects.update(last_synced=None)
    run = sync(four_hundred)
    assert run.result["unreadable_rows"] == len(odd)
    assert Track.objects.filter(removed_time=None).count() == 400


def test_more_rows_than_odd_songs_can_explain_fail_the_sync(thirty: Any) -> None:
    sync(thirty)
    poison(thirty, *range(1, 31, 2))
    run = thirty.finish(start_sync(()))
    assert run.state == Run.State.FAILED
    assert not Track.objects.exclude(removed_time=None).exists()
