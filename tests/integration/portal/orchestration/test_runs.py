"""Runs from start to end: extract and classify, and what goes wrong on the way."""

import threading

import pytest
from django.db import connection
from portal.library.models import Analysis, Audio, Track, Vector
from portal.orchestration import engine
from portal.orchestration.start import (
    CannotStart,
    start_classify,
    start_extract,
    start_promote,
    start_sync,
    stop,
)
from portal.remote.calls import SERVICE_DOWN
from portal.remote.inference import InferenceClient
from portal.runs import jobs
from portal.runs.layout import RUNS_WITH_REASONS, put_down
from portal.runs.models import Run, RunSong
from portal.verdicts.models import Prediction
from procrastinate.contrib.django.models import ProcrastinateJob
from reclass.inference.v1 import inference_pb2
from run_steps import SONGS, extracted, synced
from runtime.channel import open_channel
from runtime.errors import RemoteError
from stand_in_services import BusyError, TooShortError

SHORT = "The song is 3 s long."


def test_a_run_is_not_asked_for_by_what_is_no_text(db):
    """What is typed may be any bytes; Python keeps those that are no UTF-8 as halves of letters."""
    for start in (lambda: start_sync(["Mus\udcffic"]), lambda: start_promote("model-\udcff")):
        with pytest.raises(CannotStart, match="no text in UTF-8"):
            start()
    assert not Run.objects.exists()


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
        "1002": [TooShortError(SHORT)],
    }
    run = portal.finish(start_extract())
    assert Track.objects.get(rating_key="1001").analysis == Analysis.EXTRACTED
    short = Track.objects.get(rating_key="1002")
    assert (short.analysis, short.analysis_message) == (Analysis.SKIPPED, SHORT)
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
    portal.features.faults = {"1002": [TooShortError(SHORT)]}
    first = portal.finish(start_extract())
    assert [song.message for song in first.songs.all()] == [SHORT]
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


def test_a_service_that_is_down_is_named(unused_port):
    channel = open_channel(f"127.0.0.1:{unused_port}")
    with pytest.raises(RemoteError, match="inference service") as raised:
        InferenceClient(channel).status(timeout_seconds=0.3)
    channel.close()
    assert (raised.value.reason, raised.value.permanent) == (SERVICE_DOWN, False)
