"""What became of each edit, to the end: of doubtful ones, of those that Plex keeps in its own way, of other servers."""

from portal.genres.models import Genre
from portal.ledger.models import WriteBatch, WriteRow
from portal.library.models import InPlex, Library, Track
from portal.orchestration import engine
from portal.orchestration.start import start_plan, start_push, start_rollback, start_sync
from portal.remote.plex import GenreState
from portal.runs.models import Run, RunSong
from portal.runs.retry_schedule import MAX_ATTEMPTS
from portal.verdicts.models import Prediction
from portal.writing.plan_run import NOT_THERE
from portal.writing.policy import objection
from write_batches import (
    KEYS,
    SONGS,
    classified,
    in_plex,
    planned,
    row_states,
    standing,
    tag,
    written_over,
)


def respelled(portal) -> WriteBatch:
    """A batch of a genre that Plex keeps in its own spelling."""
    Genre.objects.create(name="City_Pop")
    portal.inference.learned = (*portal.inference.learned, "City_Pop")
    classified(portal, genre="City_Pop")
    portal.plex.behave(spelling="spaced")
    batch = planned(portal)
    portal.finish(start_push(batch))
    return batch


def test_what_plex_keeps_in_its_own_spelling_is_ours_no_label_and_can_be_taken_back(portal):
    portal.finish(start_sync(["Music"]))
    before = in_plex(portal)
    batch = respelled(portal)
    assert in_plex(portal) == {key: (["City Pop"], True) for key in KEYS}
    assert row_states(batch) == {WriteRow.State.FAILED}
    assert "[City Pop, locked]" in batch.rows.first().message
    portal.finish(start_sync(["Music"], full=True))
    assert {tag(song) for song in Track.objects.exclude(file="")} == {"Pop_Rock"}
    portal.finish(start_rollback(batch))
    assert in_plex(portal) == before
    batch.refresh_from_db()
    assert batch.state == WriteBatch.State.ROLLED_BACK


def test_a_doubtful_edit_that_could_not_be_looked_for_leaves_the_batch_to_be_rolled_back_again(portal):
    classified(portal)
    before = in_plex(portal)
    batch = planned(portal)
    run = start_push(batch)
    begun(portal, batch, "1001")
    engine.fail(run.pk, "The end of the world.")
    portal.plex.ask("POST", "poison", {"rating_keys": [1001]})
    rollback = start_rollback(batch)
    engine.begin(rollback.pk, portal.equipment())
    RunSong.objects.filter(run=rollback).update(attempts=MAX_ATTEMPTS - 1)
    portal.finish(rollback)
    assert portal.plex.state(1001) == (["Jazz"], True)
    batch.refresh_from_db()
    assert batch.state == WriteBatch.State.APPLIED
    assert "1 could not be put back: roll back again" in rollback.message
    portal.plex.ask("POST", "poison", {"rating_keys": []})
    portal.finish(start_rollback(batch))
    assert in_plex(portal) == before
    batch.refresh_from_db()
    assert batch.state == WriteBatch.State.ROLLED_BACK


def test_a_doubtful_edit_in_whose_place_something_else_stands_is_a_conflict(portal):
    classified(portal)
    batch = planned(portal)
    run = start_push(batch)
    begun(portal, batch, "1001")
    engine.fail(run.pk, "The end of the world.")
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Mine"], "locked": True})
    portal.finish(start_rollback(batch))
    row = batch.rows.get(rating_key="1001")
    assert row.state == WriteRow.State.CONFLICT
    assert "Mine" in row.message
    assert portal.plex.state(1001) == (["Mine"], True)


def test_a_song_that_left_the_library_before_the_push_hinders_no_rollback(portal):
    classified(portal)
    batch = planned(portal)
    portal.plex.ask("DELETE", "tracks/1001")
    portal.finish(start_push(batch))
    assert batch.rows.get(rating_key="1001").state == WriteRow.State.FAILED
    run = portal.finish(start_rollback(batch))
    batch.refresh_from_db()
    assert (batch.state, run.failed_count) == (WriteBatch.State.ROLLED_BACK, 0)


def test_a_song_that_vanished_after_two_batches_keeps_no_other_song_from_its_first_genres(portal):
    portal.finish(start_sync(["Music"]))
    before = in_plex(portal)
    first, second = written_over(portal)
    portal.plex.ask("DELETE", "tracks/1001")
    run = portal.finish(start_rollback(second))
    second.refresh_from_db()
    assert (second.state, run.failed_count) == (WriteBatch.State.APPLIED, 1)
    run = portal.finish(start_rollback(first))
    rest = {key: portal.plex.state(key) for key in KEYS if key != 1001}
    assert rest == {key: state for key, state in before.items() if key != 1001}
    assert first.rows.get(rating_key="1001").state == WriteRow.State.WRITTEN
    assert f"Batch {second.pk} has written over it since" in run.songs.get().message


def test_a_song_of_which_nothing_is_said_any_more_is_not_written(portal):
    classified(portal)
    batch = planned(portal)
    Prediction.objects.filter(track__rating_key="1001").update(current=False)
    portal.finish(start_push(batch))
    row = batch.rows.get(rating_key="1001")
    assert row.state == WriteRow.State.FAILED
    assert "is gone since the dry run" in row.message
    assert portal.plex.state(1001) == (["Rock", "Pop", "Soundtrack"], False)


def test_a_batch_of_another_server_is_neither_written_nor_rolled_back_and_waits(portal):
    classified(portal)
    before = in_plex(portal)
    batch = planned(portal)
    mine = Library.objects.values_list("server_id", flat=True)[0]
    Library.objects.update(server_id="another")
    run = portal.finish(start_push(batch))
    assert (run.state, in_plex(portal)) == (Run.State.FAILED, before)
    assert "is of another Plex server than 'Stand-in for Plex'" in run.message
    Library.objects.update(server_id=mine)
    portal.finish(start_push(batch))
    assert row_states(batch) == {WriteRow.State.WRITTEN}
    Library.objects.update(server_id="another")
    assert portal.finish(start_rollback(batch)).state == Run.State.FAILED
    assert in_plex(portal) == {key: (["Jazz"], True) for key in KEYS}
    Library.objects.update(server_id=mine)
    portal.finish(start_rollback(batch))
    assert in_plex(portal) == before


def test_a_dry_run_leaves_the_songs_of_another_server_alone_and_says_so(portal):
    classified(portal)
    Library.objects.update(server_id="another")
    run = portal.finish(start_plan(min_confidence=0.7))
    assert not WriteBatch.objects.exists()
    assert f"{SONGS} songs were left alone: they are of another Plex server" in run.message


def test_the_unknown_tags_of_a_song_are_named_in_one_line_however_many_there_are():
    said = objection([f"{number} {'x' * 9000}" for number in range(900)], {}, {})
    assert "and 895 more" in said
    assert len(said) < 1000


def test_a_batch_that_found_its_genres_written_by_another_leaves_nothing_once_that_is_rolled_back(portal):
    classified(portal)
    before = in_plex(portal)
    first, second = planned(portal), planned(portal)
    portal.finish(start_push(first))
    portal.finish(start_push(second))
    assert row_states(second) == {WriteRow.State.UNCHANGED}
    portal.finish(start_rollback(first))
    assert in_plex(portal) == before
    assert standing() == {InPlex.ROLLED_BACK}
    portal.finish(start_rollback(second))
    assert standing() == {InPlex.ROLLED_BACK}


def begun(portal, batch, key):
    """A push that died after the edit of one song, before it could note that."""
    row = batch.rows.get(rating_key=key)
    WriteRow.objects.filter(pk=row.pk).update(attempted_time=batch.created_time)
    was, wanted = GenreState(genres=tuple(row.before_genres)), GenreState(genres=("Jazz",), locked=True)
    portal.services.sync.write_genres(key, wanted, expected=was, meant=row.track)


def test_a_dry_run_says_of_songs_that_plex_does_not_show_that_it_could_not_compare_them(portal):
    classified(portal, genre="Pop_Rock")
    portal.plex.ask("DELETE", "tracks/1001")
    portal.plex.ask("POST", "poison", {"rating_keys": [1002]})
    run = portal.finish(start_plan(min_confidence=0.7))
    assert "Nothing to write: every other song that is decided has its genre in Plex already" in run.message
    assert "2 songs could not be compared with what Plex has" in run.message
    assert NOT_THERE in run.message
