"""Runs from start to end: sync, extract, classify and train, and what goes wrong on the way."""

import threading
from dataclasses import replace

import pytest
from django.db import connection
from plex_stand_in import TOKEN
from portal.extraction.extraction_run import store_extraction
from portal.genres.models import Genre
from portal.library.models import Analysis, Audio, Library, Track, Vector
from portal.library.titles import title_key
from portal.orchestration import engine
from portal.orchestration.start import (
    CannotStart,
    start_classify,
    start_extract,
    start_sync,
    start_train,
    stop,
)
from portal.remote.audio import ExtractionResult
from portal.remote.inference import Classification, InferenceClient
from portal.remote.verdicts import GenreScore, StageVerdict
from portal.runs import jobs
from portal.runs.layout import RUNS_WITH_REASONS, put_down
from portal.runs.models import Run, RunSong
from portal.verdicts.models import Override, Prediction
from portal.verdicts.predictions import genres_by_name, store_predictions
from procrastinate.contrib.django.models import ProcrastinateJob
from reclass.inference.v1 import inference_pb2
from runtime.channel import open_channel
from runtime.errors import RemoteError
from stand_in_services import MODEL, BusyError, TooShortError

SONGS = 12


def synced(portal, **arguments):
    return portal.finish(start_sync(["Music"], **arguments))


def extracted(portal):
    synced(portal)
    return portal.finish(start_extract())


def test_a_sync_takes_metadata_genres_and_labels_and_names_the_song_without_media(portal):
    run = synced(portal)
    assert run.state == Run.State.DONE
    song = Track.objects.get(rating_key="1001")
    assert (song.title, song.plex_genres) == ("Song 011", ["Rock", "Pop", "Soundtrack"])
    assert song.tag_genre == Genre.objects.get(name="Pop_Rock")
    silent = Track.objects.get(rating_key="2001")
    assert (silent.analysis, silent.analysis_reason) == (Analysis.SKIPPED, "NO_MEDIA")
    assert "13 songs, 13 new" in run.message


def test_a_second_sync_asks_for_details_of_changed_songs_only(portal):
    synced(portal)
    portal.plex.ask("PUT", "tracks/1002/genres", {"genres": ["Jazz"], "locked": True})
    run = synced(portal)
    assert run.song_count == 1
    asked = [each["path"] for each in portal.plex.requests() if each["path"].startswith("/library/metadata")]
    assert asked[-1] == "/library/metadata/1002"
    song = Track.objects.get(rating_key="1002")
    assert (song.plex_genres, song.plex_genres_locked, song.tag_genre.name) == (["Jazz"], True, "Jazz")


def test_a_song_that_is_gone_is_marked_and_one_that_returns_is_unmarked(portal):
    synced(portal)
    portal.plex.ask("DELETE", "tracks/1003")
    assert "1 removed" in synced(portal).message
    song = Track.objects.get(rating_key="1003")
    assert song.removed_time is not None
    portal.plex.ask("POST", "reset")
    synced(portal)
    song.refresh_from_db()
    assert song.removed_time is None


def test_a_listing_with_fewer_than_half_of_the_songs_marks_nothing_and_says_so(portal):
    synced(portal)
    for number in range(1, 9):
        portal.plex.ask("DELETE", f"tracks/{1000 + number}")
    run = synced(portal)
    assert "fewer than half" in run.message
    assert not Track.objects.exclude(removed_time=None).exists()


def test_an_unknown_library_is_refused_with_those_that_exist(portal):
    run = portal.finish(start_sync(["Musik"]))
    assert run.state == Run.State.FAILED
    assert "“Musik”" in run.message
    assert "“Music”, “Audiobooks”" in run.message


@pytest.mark.parametrize("typed", ["MUSIC", " music ", "\N{FULLWIDTH LATIN CAPITAL LETTER M}usic"])
def test_a_library_is_the_same_in_whichever_form_its_title_was_typed(portal, typed):
    assert portal.finish(start_sync([typed])).state == Run.State.DONE


def test_letters_with_accents_are_the_same_in_both_forms_of_unicode():
    assert title_key("Mu\N{COMBINING ACUTE ACCENT}sica") == title_key("MÚSICA")
    assert title_key("Musica") != title_key("Música")


def test_an_empty_library_is_said_to_be_empty(portal):
    assert "“Audiobooks” has no songs" in portal.finish(start_sync(["Audiobooks"])).message


def test_a_server_that_is_too_old_is_refused(portal):
    portal.plex.behave(version="1.32.5.1")
    run = synced(portal)
    assert run.state == Run.State.FAILED
    assert "1.40" in run.message


def test_extract_stores_audio_and_vectors_and_carries_the_request_id(portal):
    run = extracted(portal)
    assert run.state == Run.State.DONE
    assert Track.objects.filter(analysis=Analysis.EXTRACTED).count() == SONGS
    assert (Audio.objects.count(), Vector.objects.count()) == (SONGS, SONGS)
    assert portal.features.request_ids == {run.request_id}


def test_a_transient_fault_heals_within_the_run_and_a_permanent_one_skips_the_song(portal):
    synced(portal)
    portal.features.faults = {
        "1001": [BusyError("The service is busy.")],
        "1002": [TooShortError("The song is 3 s long.")],
    }
    run = portal.finish(start_extract())
    assert Track.objects.get(rating_key="1001").analysis == Analysis.EXTRACTED
    short = Track.objects.get(rating_key="1002")
    assert (short.analysis, short.analysis_message) == (Analysis.SKIPPED, "The song is 3 s long.")
    assert (run.song_count, run.done_count, run.skipped_count, run.failed_count) == (SONGS, SONGS - 1, 1, 0)
    assert [song.track for song in run.songs.all()] == [short], "a song that is done needs no row"


def test_a_second_run_of_a_kind_is_refused_and_an_ended_one_is_not_done_again(portal):
    synced(portal)
    run = start_extract()
    with pytest.raises(CannotStart, match="already running"):
        start_extract()
    portal.finish(run)
    engine.work(run.pk, list(Track.objects.values_list("pk", flat=True)), portal.equipment())
    assert len(portal.features.extracted) == SONGS


def test_a_stopped_run_ends_in_order_and_the_next_goes_on_with_the_rest(portal):
    synced(portal)
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    first = list(run.songs.order_by("pk").values_list("track_id", flat=True)[:4])
    engine.work(run.pk, first, portal.equipment())
    stop(run)
    run.refresh_from_db()
    assert (run.state, run.message) == (
        Run.State.STOPPED,
        "Stopped with 8 of 12 songs left; start it again to go on with them.",
    )
    portal.finish(start_extract())
    assert sorted(portal.features.extracted) == sorted(set(portal.features.extracted))
    assert len(portal.features.extracted) == SONGS


def test_a_worker_that_is_told_to_end_gives_its_songs_back(portal):
    synced(portal)
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    jobs.forget_waiting(run.pk)
    stopping = threading.Event()
    stopping.set()
    engine.work(run.pk, list(run.songs.values_list("track_id", flat=True)), portal.equipment(stopping))
    assert len(portal.features.extracted) == 1
    assert portal.finish(run).state == Run.State.DONE
    assert len(portal.features.extracted) == SONGS


def test_the_job_of_a_dead_worker_is_given_to_another(portal):
    synced(portal)
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
        )
        dead = cursor.fetchone()[0]
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE queue_name = 'runs'", [dead]
        )
    assert portal.finish(run).state == Run.State.DONE
    assert len(portal.features.extracted) == SONGS


def test_an_ended_run_keeps_the_reasons_of_its_songs_and_an_old_one_only_their_number(portal):
    synced(portal)
    portal.features.faults = {"1002": [TooShortError("The song is 3 s long.")]}
    first = portal.finish(start_extract())
    assert [song.message for song in first.songs.all()] == ["The song is 3 s long."]
    for _ in range(RUNS_WITH_REASONS):
        portal.finish(start_extract())
    first.refresh_from_db()
    assert (first.songs.count(), first.skipped_count, first.done_count) == (0, 1, SONGS - 1)


def test_a_stopped_run_leaves_no_song_behind_but_those_with_a_reason(portal):
    synced(portal)
    portal.features.faults = {"1001": [BusyError("The service is busy.")]}
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    engine.work(run.pk, [Track.objects.get(rating_key="1001").pk], portal.equipment())
    stop(run)
    assert [(song.track.rating_key, song.attempts) for song in run.songs.all()] == [("1001", 1)]


def test_a_song_that_went_before_the_songs_of_a_run_were_selected_is_none_of_it(portal):
    synced(portal)
    run = Run.objects.create(kind=Run.Kind.EXTRACT, request_id="r")
    first, second = Track.objects.order_by("pk")[:2]
    assert put_down(run.pk, [second.pk, first.pk, 10**9, second.pk]) == 2
    assert list(run.songs.order_by("pk").values_list("track", flat=True)) == [second.pk, first.pk]


def test_a_song_that_kills_workers_is_looked_for_in_ever_smaller_jobs(portal):
    synced(portal)
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    sizes = []
    for _ in range(3):
        jobs.forget_waiting(run.pk)
        engine.tend()
        sizes.append(ProcrastinateJob.objects.filter(queue_name="runs", status="todo").count())
    assert sizes == [1, 2, SONGS]


def test_songs_that_no_job_has_any_more_are_found_again(portal):
    synced(portal)
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    jobs.forget_waiting(run.pk)
    engine.tend()
    assert set(run.songs.values_list("attempts", flat=True)) == {1}
    assert portal.finish(run).state == Run.State.DONE
    assert run.done_count == SONGS


def test_a_song_that_kills_every_worker_fails_in_the_end(portal):
    synced(portal)
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    for _ in range(5):
        jobs.forget_waiting(run.pk)
        engine.tend()
    run.refresh_from_db()
    assert run.state == Run.State.DONE
    assert set(run.songs.values_list("state", flat=True)) == {RunSong.State.FAILED}


def test_classify_stores_one_current_prediction_and_skips_what_is_classified(portal):
    extracted(portal)
    run = portal.finish(start_classify())
    assert run.state == Run.State.DONE
    assert Prediction.objects.filter(current=True).count() == Prediction.objects.count() == SONGS
    assert all(request.vectors for request in portal.inference.asked)
    again = portal.finish(start_classify())
    assert again.song_count == 0
    assert portal.finish(start_classify(again=True)).done_count == SONGS
    assert Prediction.objects.count() == SONGS


def test_a_new_model_version_makes_the_old_prediction_history(portal):
    extracted(portal)
    portal.finish(start_classify())
    portal.inference.model, portal.inference.genre = "genre_test/2", "Blues"
    portal.finish(start_classify())
    assert Prediction.objects.count() == 2 * SONGS
    assert set(Prediction.objects.filter(current=True).values_list("genre__name", flat=True)) == {"Blues"}


def test_without_a_model_classify_says_to_train(portal):
    extracted(portal)
    portal.inference.ready = False
    run = portal.finish(start_classify())
    assert (run.state, run.message) == (
        Run.State.FAILED,
        "There is no trained model: run `reclass train` first.",
    )


def test_where_the_model_in_service_is_damaged_classifying_says_that_and_not_that_there_is_none(portal):
    extracted(portal)
    portal.inference.ready, portal.inference.trouble = False, "genre_test/1 is damaged. Train again."
    run = portal.finish(start_classify())
    assert (run.state, run.message) == (Run.State.FAILED, "genre_test/1 is damaged. Train again.")


def test_a_model_lost_on_the_way_leaves_songs_analysed(portal):
    extracted(portal)
    portal.inference.outcome = inference_pb2.OUTCOME_NO_MODEL
    run = portal.finish(start_classify())
    assert "reclass train" in run.message
    assert Track.objects.filter(analysis=Analysis.EXTRACTED).count() == SONGS
    assert not Prediction.objects.exists()


def test_a_genre_that_the_portal_does_not_have_fails_the_song_and_says_so(portal):
    extracted(portal)
    portal.inference.genre = "Polka"
    run = portal.finish(start_classify())
    failed = run.songs.filter(state=RunSong.State.FAILED)
    assert failed.count() == SONGS
    assert "“Polka”" in failed.first().message
    assert Track.objects.filter(analysis_reason="GENRE_UNKNOWN").count() == SONGS


def test_training_takes_overrides_before_tags_and_groups_by_artist(portal):
    extracted(portal)
    song = Track.objects.get(rating_key="1001")
    Override.objects.create(track=song, genre=Genre.objects.get(name="Jazz"))
    run = portal.finish(start_train())
    assert run.state == Run.State.DONE
    taught = {each.song_id: (each.genre, each.group) for each in portal.inference.taught}
    assert taught[str(song.pk)] == ("Jazz", "the band")
    assert len(taught) == SONGS
    assert run.model.stages.get().held_out_accuracy == 0.75
    assert "Too few songs or artists to learn: Folk" in run.message


def test_a_training_songs_prediction_is_its_out_of_fold_one_and_stays_so(portal):
    extracted(portal)
    portal.inference.genre = "Pop_Rock"
    portal.finish(start_train())
    portal.inference.genre = "Blues"
    portal.finish(start_classify(again=True))
    predictions = Prediction.objects.filter(current=True)
    assert set(predictions.values_list("genre__name", "out_of_fold", "model_version")) == {
        ("Pop_Rock", True, MODEL)
    }


def test_what_was_said_out_of_fold_stays_when_another_stage_of_the_same_training_decides(portal):
    extracted(portal)
    portal.inference.genre = "Pop_Rock"
    portal.finish(start_train())
    song = Track.objects.get(rating_key="1001")
    said = [
        StageVerdict(
            stage=stage,
            model_version=version,
            decided=True,
            threshold=0.7,
            top=(GenreScore(genre="Blues", probability=0.9),),
        )
        for stage, version in ((1, MODEL), (2, "genre_second/1"))
    ]
    answer = Classification(
        outcome="classified",
        genre="Blues",
        confidence=0.9,
        deciding_stage=2,
        model_version="genre_second/1",
        verdicts=tuple(said),
        provisional_reason="",
        extraction=ExtractionResult(content_key=""),
    )
    store_predictions({song.pk: answer}, genres_by_name())
    assert song.predictions.get(current=True).out_of_fold
    retrained = [replace(said[0], model_version="genre_test/2"), said[1]]
    store_predictions({song.pk: replace(answer, verdicts=tuple(retrained))}, genres_by_name())
    assert not song.predictions.get(current=True).out_of_fold


def test_a_genre_that_went_away_while_it_was_learned_spoils_no_other_song(portal):
    extracted(portal)
    portal.inference.genre = "Polka"
    assert portal.finish(start_train()).state == Run.State.DONE
    assert not Prediction.objects.exists()


def test_training_without_anything_analysed_says_what_is_missing(portal):
    synced(portal)
    run = portal.finish(start_train())
    assert (run.state, "reclass extract" in run.message) == (Run.State.FAILED, True)


def test_a_file_that_changed_is_analysed_again(portal):
    extracted(portal)
    library = Library.objects.get(title="Music")
    Track.objects.filter(library=library, rating_key="1005").update(
        part_key="/library/parts/old", last_synced=None
    )
    synced(portal)
    assert Track.objects.get(rating_key="1005").analysis == Analysis.PENDING
    portal.finish(start_extract())
    assert portal.features.extracted.count("1005") == 2


def changed_file(portal, key="1005"):
    """The song after a sync that saw another file."""
    Track.objects.filter(rating_key=key).update(part_key="/library/parts/old", last_synced=None)
    synced(portal)
    song = Track.objects.get(rating_key=key)
    assert song.analysis == Analysis.PENDING
    return song


def test_a_file_that_changed_is_not_learned_from_before_it_was_analysed(portal):
    extracted(portal)
    song = changed_file(portal)
    portal.finish(start_train())
    assert len(portal.inference.taught) == SONGS - 1
    song.refresh_from_db()
    assert song.analysis == Analysis.PENDING


def test_a_file_that_changed_is_classified_by_what_it_sounds_like_now(portal):
    extracted(portal)
    song = changed_file(portal)
    portal.features.contents[song.rating_key] = "another recording"
    portal.finish(start_classify())
    song.refresh_from_db()
    assert (song.audio.content_key, song.analysis) == ("another recording", Analysis.CLASSIFIED)
    assert portal.features.decoded.count(song.rating_key) == 2


def test_a_file_that_was_only_retagged_is_classified_without_being_decoded_again(portal):
    extracted(portal)
    song = changed_file(portal)
    portal.finish(start_classify())
    song.refresh_from_db()
    assert song.analysis == Analysis.CLASSIFIED
    assert portal.features.decoded.count(song.rating_key) == 1
    assert all(request.vectors for request in portal.inference.asked)


def test_a_changed_file_that_features_cannot_read_is_left_to_inference_which_says_why(portal):
    extracted(portal)
    song = changed_file(portal)
    portal.features.faults = {song.rating_key: [BusyError("The service is busy.")]}
    portal.finish(start_classify())
    left = [request.audio.rating_key for request in portal.inference.asked if not request.vectors]
    assert left == [song.rating_key]


def test_a_file_that_changed_and_could_not_be_analysed_is_tried_again_and_never_classified_by_the_old_one(
    portal,
):
    extracted(portal)
    portal.finish(start_classify())
    song = changed_file(portal)
    portal.features.faults = {song.rating_key: [BusyError("The service is busy.")] * 5}
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    engine.work(run.pk, [song.pk], portal.equipment())
    engine.fail(run.pk, "Ended before another try.")
    song.refresh_from_db()
    assert (song.analysis, song.audio) == (Analysis.FAILED, None)
    assert not song.predictions.filter(current=True).exists()
    portal.features.faults = {}
    portal.finish(start_extract())
    song.refresh_from_db()
    assert song.analysis == Analysis.EXTRACTED


def test_what_was_said_out_of_fold_of_another_recording_does_not_stay(portal):
    extracted(portal)
    portal.inference.genre = "Pop_Rock"
    portal.finish(start_train())
    song = Track.objects.get(rating_key="1005")
    store_extraction(song, ExtractionResult(content_key="another recording"))
    song.save()
    portal.inference.genre = "Blues"
    portal.finish(start_classify(again=True))
    prediction = song.predictions.get(current=True)
    assert (prediction.genre.name, prediction.out_of_fold, prediction.suspected_label_error) == (
        "Blues",
        False,
        False,
    )


def test_a_refused_token_ends_the_sync_with_what_to_do(portal):
    portal.plex.fail("status", status=401, times=-1)
    run = synced(portal)
    assert run.state == Run.State.FAILED
    assert "token" in run.message
    assert TOKEN not in run.message


def test_a_service_that_is_down_is_named(unused_port):
    channel = open_channel(f"127.0.0.1:{unused_port}")
    with pytest.raises(RemoteError, match="The inference service does not answer") as raised:
        InferenceClient(channel).status(timeout_seconds=0.3)
    channel.close()
    assert not raised.value.permanent


def test_a_training_that_is_stopped_stores_nothing(portal):
    extracted(portal)
    run = start_train()
    stop(run)
    assert portal.finish(run).state == Run.State.STOPPED
    assert not Prediction.objects.exists()
