"""The write ledger against a stand-in for Plex: plan, push, roll back, and what people and crashes do meanwhile."""

import grpc
import pytest
from plex_stand_in import TOKEN
from portal.configuration import PortalSettings
from portal.genres.models import Alias, Genre, IgnoredTag
from portal.labels.tags import relabel
from portal.ledger.batches import last_written_batch, next_batch
from portal.ledger.exclusion import exclude, include
from portal.ledger.models import WriteBatch, WriteRow
from portal.library.models import Analysis, InPlex, Track
from portal.orchestration import engine
from portal.orchestration.start import (
    CannotStart,
    start_plan,
    start_push,
    start_rollback,
    start_sync,
    stop,
)
from portal.remote.services import connected
from portal.remote.sync import GenreState
from portal.runs import jobs
from portal.runs.models import Run, RunSong
from portal.runs.work import RunInterruptedError, RunJob
from portal.verdicts.models import Override, Prediction
from portal.verdicts.overrides import clear_override, set_override
from portal.writing.plan_run import Planning
from portal.writing.write_runs import EXCLUDED_SINCE
from runtime.testing import running_server
from songs import add_prediction
from sync.library import PlexMusic
from sync.plex import Plex, PlexAddress, Timeouts
from sync.servicer import SERVICE_NAME, SyncServicer

SONGS = 12
KEYS = range(1001, 1001 + SONGS)


def classified(portal, genre="Jazz", confidence=0.9):
    """Songs as a sync, an extract and a classify run leave them."""
    portal.finish(start_sync(["Music"]))
    songs = Track.objects.exclude(file="")
    songs.update(analysis=Analysis.CLASSIFIED)
    classify_all(songs, genre, "genre_test/1", confidence)


def classify_all(songs, genre, version, confidence=0.9):
    Prediction.objects.update(current=False)
    for song in songs:
        add_prediction(song, Genre.objects.get(name=genre), confidence, model_version=version)


def planned(portal, min_confidence=0.7, track_ids=None) -> WriteBatch:
    run = portal.finish(start_plan(track_ids, min_confidence=min_confidence))
    assert run.state == Run.State.DONE
    return run.batch


def in_plex(portal):
    return {key: portal.plex.state(key) for key in KEYS}


def row_states(batch):
    return set(batch.rows.values_list("state", flat=True))


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


def test_songs_whose_tags_stand_for_the_genre_already_are_left_alone(portal):
    classified(portal, genre="Pop_Rock")
    run = portal.finish(start_plan(min_confidence=0.7))
    assert "Nothing to write" in run.message
    assert run.result == {}
    assert not WriteBatch.objects.exists()


def test_a_persons_word_is_written_whatever_the_ai_says_and_songs_of_low_confidence_are_not(portal):
    classified(portal, confidence=0.5)
    song = Track.objects.get(rating_key="1004")
    Override.objects.create(track=song, genre=Genre.objects.get(name="Folk"))
    batch = planned(portal)
    row = batch.rows.get()
    assert (row.track, row.after_genres, row.source, row.confidence) == (song, ["Folk"], "person", None)


def test_an_excluded_song_is_neither_planned_nor_written(portal):
    classified(portal)
    Track.objects.filter(rating_key="1001").update(in_plex=InPlex.EXCLUDED)
    batch = planned(portal)
    assert not batch.rows.filter(rating_key="1001").exists()
    Track.objects.filter(rating_key="1002").update(in_plex=InPlex.EXCLUDED)
    portal.finish(start_push(batch))
    assert batch.rows.get(rating_key="1002").message == EXCLUDED_SINCE
    assert portal.plex.state(1002) == (["Rock", "Pop", "Soundtrack"], False)


def set_by_hand(song, genre="Folk"):
    set_override([song.pk], Genre.objects.get(name=genre), note="", user=None)


def classified_anew(song, genre="Jazz", confidence=0.9):
    Prediction.objects.filter(track=song).update(current=False)
    add_prediction(song, Genre.objects.get(name=genre), confidence, model_version="genre_test/2")


OVERTAKEN = {
    "another one by hand": (None, set_by_hand, "“Folk” was set by hand since the dry run"),
    "taken back": (set_by_hand, lambda song: clear_override([song.pk]), "set by hand was taken back since"),
    "another one instead": (set_by_hand, lambda song: set_by_hand(song, "Blues"), "“Blues” was set by hand since"),
    "retired": (
        None, lambda song: Genre.objects.filter(name="Jazz").update(retired=True), "“Jazz” was retired or renamed",
    ),
    "renamed": (
        set_by_hand, lambda song: Genre.objects.filter(name="Folk").update(name="Folk songs"), "retired or renamed",
    ),
    "classified as another": (
        None, lambda song: classified_anew(song, "Blues"), "classified anew since the dry run, as Blues",
    ),
    "less sure": (None, lambda song: classified_anew(song, confidence=0.6), "not sure enough any more"),
    "out of fold, before outcomes were kept": (
        None, lambda song: song.predictions.update(outcome="", out_of_fold=True), "not sure enough any more",
    ),
    "out of fold, and unlike the training": (
        None, lambda song: song.predictions.update(outcome=Analysis.OUT_OF_DISTRIBUTION), "not sure enough any more",
    ),
    "no stage was sure": (
        None,
        lambda song: Track.objects.filter(pk=song.pk).update(analysis=Analysis.PROVISIONAL),
        "not sure enough any more",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("first", "then", "said"), OVERTAKEN.values(), ids=OVERTAKEN)
def test_a_word_that_was_overtaken_since_the_dry_run_is_not_written(portal, first, then, said):
    classified(portal)
    song = Track.objects.get(rating_key="1001")
    if first:
        first(song)
    batch = planned(portal, track_ids=[song.pk])
    then(song)
    portal.finish(start_push(batch))
    row = batch.rows.get()
    assert (row.state, row.attempted_time) == (WriteRow.State.FAILED, None)
    assert said in row.message
    assert portal.plex.edits()[-1:] == []
    song.refresh_from_db()
    assert song.in_plex == InPlex.UNTOUCHED


def test_the_same_word_said_again_since_the_dry_run_is_written(portal):
    classified(portal)
    song = Track.objects.get(rating_key="1001")
    batch = planned(portal, track_ids=[song.pk])
    set_by_hand(song, "Jazz")
    portal.finish(start_push(batch))
    assert portal.plex.state(1001) == (["Jazz"], True)


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


def test_a_persons_word_for_a_genre_that_is_retired_is_not_replaced_by_the_ais(portal):
    classified(portal)
    song = Track.objects.get(rating_key="1001")
    set_by_hand(song)
    Genre.objects.filter(name="Folk").update(retired=True)
    run = portal.finish(start_plan([song.pk], min_confidence=0.7))
    assert "Nothing to write" in run.message
    assert "A person has set “Folk”, which is retired" in run.songs.get().message


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


def test_a_song_whose_tag_the_model_has_not_learned_is_left_to_people(portal):
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["K-Pop"], "locked": False})
    portal.plex.ask("PUT", "tracks/1002/genres", {"genres": ["K-Pop"], "locked": False})
    classified(portal)
    song = Track.objects.get(rating_key="1002")
    Override.objects.create(track=song, genre=Genre.objects.get(name="Folk"))
    run = portal.finish(start_plan(min_confidence=0.7))
    batch = run.batch
    assert not batch.rows.filter(rating_key="1001").exists()
    assert batch.rows.get(rating_key="1002").after_genres == ["Folk"]
    left = run.songs.get(state=RunSong.State.SKIPPED)
    assert "K-Pop, which the model has not learned" in left.message


def unknown_tags(portal):
    """Songs whose tags nobody knows, one of them beside a known one, and one that a person has decided."""
    for key, genres in ((1001, ["Classical"]), (1002, ["Disco", "Classical"]), (1003, ["Classical", "Rock"])):
        portal.plex.ask("PUT", f"tracks/{key}/genres", {"genres": genres, "locked": False})
    portal.plex.ask("PUT", "tracks/1004/genres", {"genres": ["Classical"], "locked": False})
    classified(portal)
    song = Track.objects.get(rating_key="1004")
    Override.objects.create(track=song, genre=Genre.objects.get(name="Folk"))


def test_a_song_of_whose_tags_none_is_known_is_left_to_people_and_the_dry_run_names_the_tags(
    portal, admin_client
):
    unknown_tags(portal)
    run = portal.finish(start_plan(min_confidence=0.7))
    batch = run.batch
    written = set(batch.rows.values_list("rating_key", flat=True))
    assert {"1001", "1002"} & written == set()
    assert {"1003", "1004"} <= written
    left = run.songs.get(track__rating_key="1001")
    assert "None of its tags is known (Classical)" in left.message
    assert (
        "2 songs were left alone because nobody has said what their tags stand for: Classical (2), Disco (1). "
        "Say it on the page Unknown tags." in run.message
    )
    page = admin_client.get(f"/admin/ledger/writebatch/{batch.pk}/change/").content.decode()
    assert "<td>Classical</td>" in page
    assert "/admin/genres/alias/unmapped/" in page


def test_a_song_whose_tags_are_ignored_counts_as_untagged(portal):
    unknown_tags(portal)
    IgnoredTag.objects.create(tag="classical")
    written = set(planned(portal).rows.values_list("rating_key", flat=True))
    assert "1001" in written
    assert "1002" not in written


def test_selected_songs_and_songs_that_we_wrote_once_are_held_to_their_own_tags(portal):
    unknown_tags(portal)
    IgnoredTag.objects.create(tag="Classical")
    chosen = list(Track.objects.filter(rating_key="1001").values_list("pk", flat=True))
    portal.finish(start_push(planned(portal, track_ids=chosen)))
    assert portal.plex.state(1001) == (["Jazz"], True)
    IgnoredTag.objects.all().delete()
    classify_all(Track.objects.exclude(file=""), "Blues", "genre_test/2")
    run = portal.finish(start_plan(chosen, min_confidence=0.7))
    assert "1 song was left alone" in run.message
    assert run.unknown_tags.first().tag == "Classical"


def test_a_plan_of_before_a_tag_was_used_again_does_not_write_it(portal):
    unknown_tags(portal)
    IgnoredTag.objects.create(tag="Classical")
    batch = planned(portal)
    IgnoredTag.objects.all().delete()
    portal.finish(start_push(batch))
    row = batch.rows.get(rating_key="1001")
    assert (row.state, row.track.in_plex) == (WriteRow.State.FAILED, InPlex.UNTOUCHED)
    assert "None of its tags is known (Classical)" in row.message
    assert portal.plex.state(1001) == (["Classical"], False)
    assert portal.plex.state(1004) == (["Folk"], True)


def by_random_weights(portal):
    """Songs that a model for trials has classified, one of them beside a person's word."""
    classified(portal)
    Prediction.objects.update(random_weights=True)
    song = Track.objects.get(rating_key="1004")
    Override.objects.create(track=song, genre=Genre.objects.get(name="Folk"))


def test_what_random_weights_decided_is_in_no_plan_unless_it_is_asked_for_by_name(portal, admin_client):
    by_random_weights(portal)
    run = portal.finish(start_plan(min_confidence=0.7))
    assert "11 songs were left alone because random weights decided their genre" in run.message
    batch = run.batch
    assert batch.rows.get().rating_key == "1004"

    run = portal.finish(start_plan(min_confidence=0.7, random_weights=True))
    batch = run.batch
    assert batch.rows.filter(random_weights=True).count() == 11
    page = admin_client.get(f"/admin/ledger/writebatch/{batch.pk}/change/").content.decode()
    assert "a model for trials decided the genre of 11 songs of this batch" in page
    with pytest.raises(CannotStart, match="Random weights decided the genres of 11 songs"):
        start_push(batch)
    sure = admin_client.post(f"/admin/ledger/writebatch/{batch.pk}/change/", {"apply": ""}).content.decode()
    assert 'name="random_weights"' in sure
    portal.finish(start_push(batch, random_weights=True))
    assert portal.plex.state(1001) == (["Jazz"], True)


def test_the_head_that_serves_tells_random_weights_where_a_verdict_bears_no_mark(portal):
    classified(portal)
    portal.inference.model = "genre_test/1"
    portal.inference.feature_versions = ("test/1", "mert-v1-95m/0;layer=2;weights=trial;excerpt=middle-30s")
    run = portal.finish(start_plan(min_confidence=0.7))
    assert "12 songs were left alone because random weights decided" in run.message


def test_a_plan_of_before_there_was_the_mark_writes_nothing_that_random_weights_decided(portal):
    classified(portal)
    batch = planned(portal)
    Prediction.objects.update(random_weights=True)
    Track.objects.filter(rating_key="1002").update(analysis=Analysis.OUT_OF_DISTRIBUTION)
    before = in_plex(portal)
    portal.finish(start_push(batch))
    assert in_plex(portal) == before
    assert row_states(batch) == {WriteRow.State.FAILED}
    assert "its genre is a guess" in batch.rows.get(rating_key="1002").message


def planning(portal):
    """A dry run in the middle of its only chunk."""
    run = start_plan(min_confidence=0.7)
    engine.begin(run.pk, portal.equipment())
    run.refresh_from_db()
    equipment = portal.equipment()
    job = RunJob(
        run=run, services=equipment.services, settings=equipment.settings, stopping=equipment.stopping
    )
    ids = list(run.songs.order_by("pk").values_list("track_id", flat=True))
    outcomes = Planning().work(job, ids)
    next(outcomes)
    return run, ids, outcomes


def test_a_song_that_is_excluded_while_the_dry_run_is_at_it_stays_excluded(portal):
    classified(portal)
    run, ids, outcomes = planning(portal)
    exclude(ids[-1:])
    assert len(list(outcomes)) == SONGS - 1
    assert run.batch.rows.count() == SONGS - 1
    assert Track.objects.get(pk=ids[-1]).in_plex == InPlex.EXCLUDED


def test_a_plan_that_was_put_away_takes_no_more_songs(portal):
    classified(portal)
    run, _, outcomes = planning(portal)
    engine.fail(run.pk, "Another job of this run met the end of the world.")
    with pytest.raises(RunInterruptedError):
        next(outcomes)
    batch = run.batch
    assert (batch.state, batch.rows.count()) == (WriteBatch.State.DISCARDED, 1)
    assert not Track.objects.filter(in_plex=InPlex.PLANNED).exists()


def test_a_push_goes_on_with_the_newest_plan_only(portal):
    classified(portal)
    planned(portal)
    newer = planned(portal)
    assert next_batch() == newer
    portal.finish(start_push(newer))
    assert next_batch() is None


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


def written_over(portal) -> tuple[WriteBatch, WriteBatch]:
    """Two batches that wrote the same songs, one over the other."""
    classified(portal)
    first = planned(portal)
    portal.finish(start_push(first))
    classify_all(Track.objects.exclude(file=""), "Folk", "genre_test/2")
    second = planned(portal)
    portal.finish(start_push(second))
    assert in_plex(portal)[1001] == (["Folk"], True)
    return first, second


def standing() -> set[str]:
    return set(Track.objects.exclude(file="").values_list("in_plex", flat=True))


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


def test_genres_that_we_wrote_are_never_labels_and_those_before_us_are(portal):
    classified(portal)
    portal.finish(start_push(planned(portal)))
    classify_all(Track.objects.exclude(file=""), "Blues", "genre_test/2")
    portal.finish(start_push(planned(portal)))
    portal.finish(start_sync(["Music"], full=True))
    song = Track.objects.get(rating_key="1001")
    assert song.plex_genres == ["Blues"]
    assert song.tag_genre.name == "Pop_Rock"
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Reggae"], "locked": True})
    portal.finish(start_sync(["Music"]))
    song.refresh_from_db()
    assert song.tag_genre.name == "Reggae"


def test_new_aliases_change_the_labels_of_songs(portal):
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Schlagerchen"], "locked": True})
    portal.finish(start_sync(["Music"]))
    assert Track.objects.get(rating_key="1001").tag_genre is None
    Alias.objects.create(spelling="Schlagerchen", genre=Genre.objects.get(name="Vocal"))
    assert relabel() == 1
    assert Track.objects.get(rating_key="1001").tag_genre.name == "Vocal"


OLD = "1.32.5.1"


def tag(song):
    """What the song's tags claim, read anew from what is stored."""
    relabel()
    song.refresh_from_db()
    return song.tag_genre.name if song.tag_genre else None


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


def test_an_edit_that_plex_ignored_did_nothing_so_the_same_genre_of_a_persons_is_a_label(portal):
    classified(portal)
    batch = planned(portal)
    portal.plex.behave(ignores_edits=True)
    portal.finish(start_push(batch))
    portal.plex.behave(ignores_edits=False)
    assert row_states(batch) == {WriteRow.State.FAILED}
    assert not batch.rows.exclude(attempted_time=None).exists()
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Jazz"], "locked": True})
    portal.finish(start_sync(["Music"], full=True))
    assert tag(Track.objects.get(rating_key="1001")) == "Jazz"


def test_a_conflict_at_the_first_attempt_did_nothing(portal):
    classified(portal)
    batch = planned(portal)
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Mine"], "locked": True})
    portal.finish(start_push(batch))
    assert batch.rows.get(rating_key="1001").attempted_time is None
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Jazz"], "locked": True})
    portal.finish(start_sync(["Music"], full=True))
    assert tag(Track.objects.get(rating_key="1001")) == "Jazz"


def begun(portal, batch, key):
    """A push that died after the edit of one song, before it could note that."""
    row = batch.rows.get(rating_key=key)
    WriteRow.objects.filter(pk=row.pk).update(attempted_time=batch.created_time)
    was, wanted = GenreState(genres=tuple(row.before_genres)), GenreState(genres=("Jazz",), locked=True)
    portal.services.sync.write_genres(key, wanted, expected=was, meant=row.track)


def test_an_edit_that_a_crash_has_hidden_is_no_label_and_is_rolled_back_with_its_batch(portal):
    classified(portal)
    before = in_plex(portal)
    batch = planned(portal)
    run = start_push(batch)
    begun(portal, batch, "1001")
    engine.fail(run.pk, "The end of the world.")
    portal.finish(start_sync(["Music"], full=True))
    song = Track.objects.get(rating_key="1001")
    assert song.plex_genres == ["Jazz"]
    assert tag(song) == "Pop_Rock"
    portal.finish(start_rollback(batch))
    assert in_plex(portal) == before
    assert batch.rows.get(rating_key="1001").state == WriteRow.State.ROLLED_BACK


def test_a_rollback_finds_out_that_a_hidden_edit_was_never_made(portal):
    classified(portal)
    batch = planned(portal)
    run = start_push(batch)
    batch.rows.filter(rating_key="1001").update(attempted_time=batch.created_time)
    engine.fail(run.pk, "The end of the world.")
    edits = len(portal.plex.edits())
    portal.finish(start_rollback(batch))
    assert len(portal.plex.edits()) == edits
    row = batch.rows.get(rating_key="1001")
    assert (row.state, row.attempted_time) == (WriteRow.State.PLANNED, None)
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Jazz"], "locked": True})
    portal.finish(start_sync(["Music"], full=True))
    assert tag(Track.objects.get(rating_key="1001")) == "Jazz"


def test_what_an_older_batch_wrote_is_no_label_when_plex_is_put_back_to_it(portal):
    classified(portal)
    portal.finish(start_push(planned(portal)))
    classify_all(Track.objects.exclude(file=""), "Blues", "genre_test/2")
    portal.finish(start_push(planned(portal)))
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Jazz"], "locked": True})
    portal.finish(start_sync(["Music"], full=True))
    assert tag(Track.objects.get(rating_key="1001")) == "Pop_Rock"
