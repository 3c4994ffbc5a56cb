"""Judging many songs from stored vectors: in large jobs, each song once, nothing written that stands already."""

from array import array

import grpc
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from portal.classification.storing import PORTION, keep, portions
from portal.library.models import Analysis, Audio, Track
from portal.library.vectors import store_vectors
from portal.orchestration import engine
from portal.orchestration.start import start_classify
from portal.preferences.changing import change
from portal.remote.audio import ExtractionResult, VectorValues
from portal.remote.inference import Classification, OutOfFold
from portal.remote.verdicts import GenreScore, StageVerdict
from portal.runs.work import DONE, Verdict
from portal.verdicts.models import Prediction
from portal.verdicts.oof_predictions import waiting_room
from portal.verdicts.predictions import genres_by_name
from procrastinate.contrib.django.models import ProcrastinateJob
from runtime.errors import RemoteError, ServiceError
from songs import make_library, make_song
from stand_in_services import TooShortError

SONGS = 12


class UselessVectorError(ServiceError):
    """The vectors are of no use to the model."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "VECTOR_INVALID"


@pytest.fixture
def songs(genres: dict[str, int]) -> list[Track]:
    """Songs that were analysed."""
    library = make_library()
    made = [make_song(library, number, analysis=Analysis.EXTRACTED) for number in range(SONGS)]
    vector = VectorValues(kind="fma", version="test/1", values=array("f", [1.0, 2.0]))
    store_vectors({song.audio_id: [vector] for song in made})
    return made


def verdict(version: str = "genre_test/1", genre: str = "Jazz", confidence: float = 0.9) -> StageVerdict:
    return StageVerdict(
        stage=1,
        model_version=version,
        decided=True,
        threshold=0.8,
        top=(GenreScore(genre=genre, probability=confidence),),
    )


def said(*, content_key: str = "", **fields: object) -> Classification:
    one = verdict(**fields)  # type: ignore[arg-type] # the fields of `verdict`
    return Classification(
        outcome="classified", genre=one.top[0].genre, confidence=one.top[0].probability, deciding_stage=1,
        model_version=one.model_version, verdicts=(one,), provisional_reason="",
        extraction=ExtractionResult(content_key=content_key),
    )  # fmt: skip


def written() -> list[tuple[object, ...]]:
    """Which transaction wrote each row, and where it lies."""
    with connection.cursor() as cursor:
        rows = []
        for table in ("verdicts_prediction", "library_track"):
            cursor.execute(f"SELECT '{table}', id, xmin::text, ctid::text FROM {table} ORDER BY id")  # noqa: S608
            rows += cursor.fetchall()
    return rows


def test_songs_with_vectors_go_into_large_jobs_and_the_others_into_small_ones(portal, songs):
    Track.objects.filter(pk__in=[song.pk for song in songs[:5]]).update(audio=None, analysis=Analysis.PENDING)
    run = start_classify()
    engine.begin(run.pk, portal.equipment())
    jobs = ProcrastinateJob.objects.filter(task_name="work_on_songs", args__run_id=run.pk).order_by("id")
    assert [len(job.args["track_ids"]) for job in jobs] == [7, 4, 1]
    assert set(jobs[0].args["track_ids"]) == {song.pk for song in songs[5:]}


def test_a_song_goes_with_whose_it_is_so_that_no_head_scores_it_that_knows_its_artist(portal, songs):
    Track.objects.filter(pk=songs[0].pk).update(artist="X feat. Y", album_artist="X")
    portal.finish(start_classify())
    assert ("X feat. Y", "X") in {(asked.artist, asked.album_artist) for asked in portal.inference.asked}


def test_a_verdict_that_stands_is_not_written_again(portal, songs):
    portal.finish(start_classify())
    before = written()
    portal.inference.confidence += 0.0004
    assert portal.finish(start_classify(again=True)).done_count == SONGS
    assert written() == before
    portal.inference.confidence += 0.01
    portal.finish(start_classify(again=True))
    assert {round(p.confidence, 4) for p in Prediction.objects.all()} == {0.9104}
    assert Prediction.objects.count() == SONGS


def test_a_song_that_fails_fails_alone(portal, songs):
    portal.inference.faults = [TooShortError("The song is too short.")]
    run = portal.finish(start_classify())
    assert (run.done_count, run.skipped_count) == (SONGS - 1, 1)
    assert Track.objects.filter(analysis=Analysis.SKIPPED, analysis_reason="TOO_SHORT").count() == 1
    assert Prediction.objects.count() == SONGS - 1


def test_vectors_that_are_no_use_are_made_anew(portal, songs):
    portal.inference.faults = [UselessVectorError("Extract the song again.")]
    assert portal.finish(start_classify()).done_count == SONGS
    assert [bool(asked.vectors) for asked in portal.inference.asked] == [True] * SONGS + [False]


def test_a_song_whose_audio_proves_to_be_another_is_classified_by_the_audio_alone(portal, songs):
    portal.inference.audio_key = "another recording"
    portal.finish(start_classify(track_ids=[songs[0].pk]))
    assert [bool(asked.vectors) for asked in portal.inference.asked] == [True, False]
    song = Track.objects.get(pk=songs[0].pk)
    assert song.audio == Audio.objects.get(content_key="another recording")
    assert song.predictions.get().current


def test_a_song_whose_file_changed_while_it_was_classified_is_classified_again(songs):
    Track.objects.filter(pk=songs[0].pk).update(part_key="/library/parts/new")
    outcomes = dict(keep([(song, said()) for song in songs], genres_by_name()))
    assert outcomes.pop(songs[0].pk).verdict is Verdict.AGAIN
    assert set(outcomes.values()) == {DONE}
    assert set(Prediction.objects.values_list("track", flat=True)) == set(outcomes)


def test_a_song_that_went_while_it_was_classified_is_left_alone(songs):
    Track.objects.filter(pk=songs[0].pk).delete()
    outcomes = dict(keep([(songs[0], said()), (songs[1], said())], genres_by_name()))
    assert [outcome.verdict for outcome in outcomes.values()] == [Verdict.SKIPPED, Verdict.DONE]


def test_a_portion_that_is_stored_twice_leaves_one_current_verdict_a_song(songs):
    for _ in range(2):
        for version in ("genre_test/1", "genre_test/2"):
            list(keep([(song, said(version=version)) for song in songs], genres_by_name()))
    assert Prediction.objects.count() == 2 * SONGS
    assert Prediction.objects.filter(current=True, model_version="genre_test/2").count() == SONGS


def test_a_portion_costs_the_same_queries_whatever_its_size(songs):
    genres = genres_by_name()
    counts = []
    for portion in (songs[:2], songs[2:]):
        with CaptureQueriesContext(connection) as queries:
            list(keep([(song, said()) for song in portion], genres))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_song_that_was_analysed_or_failed_is_stored_at_once_and_others_together():
    track = Track()
    failure = RemoteError(code=grpc.StatusCode.UNAVAILABLE, message="away")
    answers = [said()] * 3 + [said(content_key="a key")] + [failure] + [said()] * (PORTION + 1)
    sizes = [len(portion) for portion in portions((track, answer) for answer in answers)]
    assert sizes == [4, 1, PORTION, 1]


def test_what_a_training_says_is_stored_as_a_whole_and_only_of_songs_that_are_there(songs):
    list(keep([(song, said(genre="Folk")) for song in songs], genres_by_name()))
    Track.objects.filter(pk=songs[0].pk).delete()
    Track.objects.filter(pk=songs[1].pk).update(analysis=Analysis.PENDING)
    with waiting_room(genres_by_name()) as room:
        for song in songs:
            room.take(
                OutOfFold(
                    song_id=str(song.pk),
                    verdicts=(verdict("genre_test/2"),),
                    suspected_label_error=song == songs[2],
                    outcome="out_of_distribution" if song == songs[3] else "classified",
                    deciding_stage=1,
                )
            )
        assert Prediction.objects.filter(out_of_fold=True).count() == 0
        room.store()
    current = Prediction.objects.filter(current=True)
    assert set(current.values_list("genre__name", "model_version", "out_of_fold")) == {
        ("Jazz", "genre_test/2", True)
    }
    assert current.count() == SONGS - 1
    assert current.get(suspected_label_error=True).track == songs[2]
    assert Track.objects.get(pk=songs[1].pk).analysis == Analysis.PENDING
    assert Track.objects.get(pk=songs[3].pk).analysis == Analysis.OUT_OF_DISTRIBUTION


def test_what_a_person_has_set_is_asked_of_inference_with_each_song(portal, songs):
    change({"predictions": 3, "stage_1_confidence": 0.6, "stages": 2})
    portal.finish(start_classify())
    options = portal.inference.asked[0].options
    assert (options.top_k, options.max_stages, options.stage_thresholds[0]) == (3, 2, 0.6)
    assert all(asked.options == options for asked in portal.inference.asked)
