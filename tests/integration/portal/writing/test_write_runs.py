"""Pushes and rollbacks against a stand-in for Plex, and what people and crashes do meanwhile."""

import grpc
import pytest
from plex_stand_in import TOKEN
from portal.configuration import PortalSettings
from portal.genres.models import IgnoredTag
from portal.ledger.batches import last_written_batch, next_batch
from portal.ledger.exclusion import exclude, include
from portal.ledger.models import WriteBatch, WriteRow
from portal.library.models import InPlex, Track
from portal.orchestration import engine
from portal.orchestration.start import (
    CannotStart,
    start_plan,
    start_push,
    start_rollback,
    start_sync,
    stop,
)
from portal.remote.plex import GenreState
from portal.remote.services import connected
from portal.runs import jobs
from portal.runs.models import Run, RunSong
from runtime.testing import running_server
from sync.library import PlexMusic
from sync.plex import Plex, PlexAddress, Timeouts
from sync.servicer import SERVICE_NAME, SyncServicer
from write_batches import (
    KEYS,
    SONGS,
    classified,
    classify_all,
    in_plex,
    planned,
    row_states,
    set_by_hand,
    standing,
    written_over,
)


def test_what_a_push_writes_a_rollback_takes_back_song_by_song(portal):
    portal.plex.ask("PUT", "tracks/1002/genres", {"genres": ["Soundtrack", "Blues", "Pop"], "locked": True})
    portal.plex.ask("PUT", "tracks/1003/genres", {"genres": [], "locked": False})
    classified(portal)
    before = in_plex(portal)
    batch = planned(portal)
    assert in_plex(portal) == before
    portal.finish(start_push(batch))
    assert in_plex(portal) == {key: (["Jazz"], True) for key in KEYS}
    assert row_states(batch) == {WriteRow.State.WRITTEN}
    batch.refresh_from_db()
    assert batch.state == WriteBatch.State.APPLIED
    portal.finish(start_rollback(batch))
    assert in_plex(portal) == before
    assert row_states(batch) == {WriteRow.State.ROLLED_BACK}
    songs = Track.objects.filter(rating_key__in=[str(key) for key in KEYS])
    assert {int(song.rating_key): (song.plex_genres, song.plex_genres_locked) for song in songs} == before
    assert set(songs.values_list("in_plex", flat=True)) == {InPlex.ROLLED_BACK}


@pytest.mark.parametrize(
    "genres_there",
    [("Rock", "x" * 10_001), [f"Genre {number}" for number in range(1001)]],
    ids=["long", "many"],
)
def test_genres_that_no_rollback_could_bring_back_are_not_written_over(portal, genres_there):
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": genres_there, "locked": False})
    classified(portal)
    song = Track.objects.get(rating_key="1001")
    set_by_hand(song)
    edits = len(portal.plex.edits())
    batch = planned(portal, track_ids=[song.pk])
    portal.finish(start_push(batch))
    row = batch.rows.get()
    assert (row.state, row.attempted_time) == (WriteRow.State.FAILED, None)
    assert "they could not be put back" in row.message
    assert len(portal.plex.edits()) == edits


@pytest.mark.parametrize("edit_mode", ["add", "replace"])
def test_a_genre_without_a_name_hinders_neither_a_push_nor_its_rollback(portal, edit_mode):
    portal.plex.behave(edit_mode=edit_mode)
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Rock", " "], "locked": True})
    classified(portal)
    song = Track.objects.get(rating_key="1001")
    assert song.plex_genres == ["Rock"]
    batch = planned(portal, track_ids=[song.pk])
    portal.finish(start_push(batch))
    assert batch.rows.get().state == WriteRow.State.WRITTEN
    portal.finish(start_rollback(batch))
    assert batch.rows.get().state == WriteRow.State.ROLLED_BACK
    genres, locked = portal.plex.state(1001)
    assert ([genre for genre in genres if genre.strip()], locked) == (["Rock"], True)


def test_a_push_goes_on_with_the_newest_plan_only(portal):
    classified(portal)
    planned(portal)
    newer = planned(portal)
    assert next_batch() == newer
    portal.finish(start_push(newer))
    assert next_batch() is None


def waiting_on_the_dashboard(admin_client):
    """The batch that the dashboard leads to, to be applied."""
    buttons = [step.button for step in admin_client.get("/admin/").context["steps"]]
    return next((button for button in buttons if button.startswith("Apply")), None)


def test_a_later_dry_run_of_all_songs_takes_the_place_of_a_plan_though_it_finds_nothing(portal, admin_client):
    classified(portal)
    batch = planned(portal, min_confidence=0.3)
    song = Track.objects.get(rating_key="1001")
    portal.finish(start_plan([song.pk], min_confidence=0.99))  # tells nothing of the others
    assert (next_batch(), waiting_on_the_dashboard(admin_client)) == (batch, f"Apply batch {batch.pk}")
    run = portal.finish(start_plan(min_confidence=0.99))
    assert (run.state, run.batch) == (Run.State.DONE, None)
    assert (next_batch(), waiting_on_the_dashboard(admin_client)) == (None, None)
    batch.refresh_from_db()
    assert batch.state == WriteBatch.State.PLANNED  # whoever wants it all the same applies it on its page


def test_a_plan_that_another_batch_came_after_waits_no_more_on_the_dashboard(portal, admin_client):
    classified(portal)
    planned(portal)
    newer = planned(portal)
    assert waiting_on_the_dashboard(admin_client) == f"Apply batch {newer.pk}"
    portal.finish(start_push(newer))
    assert waiting_on_the_dashboard(admin_client) is None


def test_a_failed_edit_leaves_a_song_as_the_batch_before_left_it(portal):
    classified(portal)
    portal.finish(start_push(planned(portal)))
    classify_all(Track.objects.exclude(file=""), "Blues", "genre_test/2")
    batch = planned(portal)
    portal.plex.ask("DELETE", "tracks/1001")
    portal.finish(start_push(batch))
    assert batch.rows.get(rating_key="1001").state == WriteRow.State.FAILED
    assert Track.objects.get(rating_key="1001").in_plex == InPlex.WRITTEN


def test_batches_over_the_same_songs_are_rolled_back_newest_first(portal):
    classified(portal)
    before = in_plex(portal)
    first = planned(portal)
    portal.finish(start_push(first))
    classify_all(Track.objects.exclude(file=""), "Blues", "genre_test/2")
    second = planned(portal)
    portal.finish(start_push(second))
    with pytest.raises(CannotStart, match=f"reclass rollback {second.pk}"):
        start_rollback(first)
    portal.finish(start_rollback(second))
    portal.finish(start_rollback(first))
    assert in_plex(portal) == before


def test_after_a_rollback_the_songs_stand_as_what_the_batch_before_it_wrote(portal):
    first, second = written_over(portal)
    portal.finish(start_rollback(second))
    assert in_plex(portal)[1001] == (["Jazz"], True)
    assert standing() == {InPlex.WRITTEN}
    ids = list(Track.objects.exclude(file="").values_list("pk", flat=True))
    exclude(ids)
    include(ids)
    assert standing() == {InPlex.WRITTEN}
    portal.finish(start_rollback(first))
    assert standing() == {InPlex.ROLLED_BACK}
    exclude(ids)
    include(ids)
    assert standing() == {InPlex.ROLLED_BACK}


def test_after_a_rollback_a_song_that_somebody_changed_between_two_batches_is_not_called_written(portal):
    classified(portal)
    portal.finish(start_push(planned(portal)))
    portal.plex.ask("PUT", "tracks/1003/genres", {"genres": ["Mine"], "locked": True})
    IgnoredTag.objects.create(tag="Mine")
    portal.finish(start_sync(["Music"], full=True))
    classify_all(Track.objects.exclude(file=""), "Folk", "genre_test/2")
    second = planned(portal)
    portal.finish(start_push(second))
    portal.finish(start_rollback(second))
    assert in_plex(portal)[1003] == (["Mine"], True)
    assert Track.objects.get(rating_key="1003").in_plex == InPlex.ROLLED_BACK
    assert Track.objects.get(rating_key="1004").in_plex == InPlex.WRITTEN


def test_a_crash_between_the_write_and_its_commit_ends_as_written_and_can_be_taken_back(portal):
    classified(portal)
    before = in_plex(portal)
    batch = planned(portal)
    run = start_push(batch)
    engine.begin(run.pk, portal.equipment())
    lost = batch.rows.get(rating_key="1001")
    WriteRow.objects.filter(pk=lost.pk).update(attempted_time=lost.batch.created_time)
    was, wanted = GenreState(genres=tuple(lost.before_genres)), GenreState(genres=("Jazz",), locked=True)
    portal.services.sync.write_genres("1001", wanted, expected=was, meant=lost.track)
    edits = len(portal.plex.edits())
    portal.finish(run)
    assert row_states(batch) == {WriteRow.State.WRITTEN}
    assert len(portal.plex.edits()) == edits + SONGS - 1
    portal.finish(start_rollback(batch))
    assert in_plex(portal) == before


class Forgetful(SyncServicer):
    """Dies after each edit, once, before it can answer."""

    def __init__(self, music):
        super().__init__(music)
        self.lost = set()

    def WriteGenres(self, request, context):
        answer = super().WriteGenres(request, context)
        if request.rating_key not in self.lost:
            self.lost.add(request.rating_key)
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        return answer


def test_an_edit_whose_answer_was_lost_is_ours_and_can_be_taken_back(portal):
    classified(portal)
    before = in_plex(portal)
    batch = planned(portal)
    music = PlexMusic(Plex(PlexAddress(url=portal.plex.stand_in.url, token=TOKEN), Timeouts()))
    with running_server({SERVICE_NAME: Forgetful(music).register}) as server:
        settings = PortalSettings(sync_target=f"127.0.0.1:{server.port}")
        with connected(settings) as services:
            portal.services = services
            portal.finish(start_push(batch))
            assert row_states(batch) == {WriteRow.State.WRITTEN}
            portal.finish(start_rollback(batch))
    assert in_plex(portal) == before
    music.close()


def test_a_song_that_somebody_else_has_made_right_since_is_not_ours_to_take_back(portal):
    classified(portal)
    batch = planned(portal)
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Jazz"], "locked": True})
    portal.finish(start_push(batch))
    assert batch.rows.get(rating_key="1001").state == WriteRow.State.UNCHANGED
    portal.finish(start_rollback(batch))
    assert portal.plex.state(1001) == (["Jazz"], True)


def test_a_song_changed_by_hand_is_a_conflict_for_push_and_rollback(portal):
    classified(portal)
    batch = planned(portal)
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Mine"], "locked": True})
    run = portal.finish(start_push(batch))
    conflict = batch.rows.get(rating_key="1001")
    assert conflict.state == WriteRow.State.CONFLICT
    assert "Mine" in conflict.message
    assert run.songs.get(track=conflict.track).state == RunSong.State.SKIPPED
    portal.plex.ask("PUT", "tracks/1002/genres", {"genres": ["Also mine"], "locked": True})
    portal.finish(start_rollback(batch))
    assert portal.plex.state(1001) == (["Mine"], True)
    assert portal.plex.state(1002) == (["Also mine"], True)
    assert Track.objects.get(rating_key="1002").in_plex == InPlex.CONFLICT
    assert Track.objects.get(rating_key="1002").plex_genres == ["Also mine"]


def test_a_push_that_was_stopped_goes_on_where_it_was(portal):
    classified(portal)
    batch = planned(portal)
    run = start_push(batch)
    engine.begin(run.pk, portal.equipment())
    jobs.forget_waiting(run.pk)
    some = list(run.songs.values_list("track_id", flat=True)[:5])
    engine.work(run.pk, some, portal.equipment())
    stop(run)
    assert next_batch() == batch
    portal.finish(start_push(next_batch()))
    assert row_states(batch) == {WriteRow.State.WRITTEN}
    assert len({edit["rating_key"] for edit in portal.plex.edits()}) == SONGS
    assert last_written_batch() == batch


def test_a_token_that_plex_refuses_ends_the_push_at_once(portal):
    classified(portal)
    batch = planned(portal)
    portal.plex.fail("status", status=401, times=-1)
    run = portal.finish(start_push(batch))
    assert run.state == Run.State.FAILED
    assert "token" in run.message
    assert row_states(batch) == {WriteRow.State.PLANNED}


def test_a_batch_that_is_not_planned_cannot_be_applied(portal):
    classified(portal)
    batch = planned(portal)
    portal.finish(start_push(batch))
    with pytest.raises(CannotStart, match="is applied"):
        start_push(batch)
