"""A server that is set back to a version without genres of tracks costs no genre and no label."""

from portal.ledger.batches import next_batch
from portal.ledger.models import WriteRow
from portal.library.models import Track
from portal.orchestration import engine
from portal.orchestration.start import (
    start_plan,
    start_push,
    start_rollback,
    start_sync,
)
from portal.runs.models import Run
from write_batches import KEYS, classified, in_plex, planned, row_states, tag

OLD = "1.32.5.1"


def test_a_plan_on_a_server_that_became_too_old_notes_no_empty_list_and_costs_no_label(portal):
    classified(portal)
    portal.plex.behave(version=OLD)
    run = portal.finish(start_plan(min_confidence=0.7))
    assert run.state == Run.State.FAILED
    assert "1.40" in run.message
    assert not WriteRow.objects.exists()
    song = Track.objects.get(rating_key="1001")
    assert song.plex_genres == ["Rock", "Pop", "Soundtrack"]
    assert tag(song) == "Pop_Rock"


def test_a_push_to_a_server_that_became_too_old_did_nothing_and_goes_on_when_it_is_updated(portal):
    classified(portal)
    batch = planned(portal)
    portal.plex.behave(version=OLD)
    run = portal.finish(start_push(batch))
    assert run.state == Run.State.FAILED
    assert row_states(batch) == {WriteRow.State.PLANNED}
    assert not batch.rows.exclude(attempted_time=None).exists()
    assert tag(Track.objects.get(rating_key="1001")) == "Pop_Rock"
    portal.plex.behave(version="1.41.3.9314")
    portal.finish(start_push(next_batch()))
    assert row_states(batch) == {WriteRow.State.WRITTEN}


def test_a_rollback_on_a_server_that_became_too_old_believes_no_empty_list(portal):
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": [], "locked": True})
    classified(portal)
    before = in_plex(portal)
    batch = planned(portal)
    portal.finish(start_push(batch))
    portal.plex.behave(version=OLD)
    run = portal.finish(start_rollback(batch))
    assert run.state == Run.State.FAILED
    assert row_states(batch) == {WriteRow.State.WRITTEN}
    portal.plex.behave(version="1.41.3.9314")
    assert in_plex(portal) == {key: (["Jazz"], True) for key in KEYS}
    portal.finish(start_sync(["Music"], full=True))
    songs = Track.objects.exclude(file="")
    assert {tag(song) for song in songs.exclude(rating_key="1001")} == {"Pop_Rock"}
    assert tag(songs.get(rating_key="1001")) is None
    portal.finish(start_rollback(batch))
    assert in_plex(portal) == before


def test_a_sync_of_a_server_that_became_too_old_keeps_genres_and_labels(portal):
    portal.finish(start_sync(["Music"]))
    run = start_sync(["Music"], full=True)
    engine.begin(run.pk, portal.equipment())
    portal.plex.behave(version=OLD)
    assert portal.finish(run).state == Run.State.FAILED
    song = Track.objects.get(rating_key="1001")
    assert song.plex_genres == ["Rock", "Pop", "Soundtrack"]
    assert tag(song) == "Pop_Rock"
