"""The train run with a stand-in for inference."""

from dataclasses import replace

from portal.genres.models import Genre
from portal.library.models import Track
from portal.orchestration.start import (
    start_classify,
    start_train,
    stop,
)
from portal.remote.audio import ExtractionResult
from portal.remote.inference import Classification
from portal.remote.verdicts import GenreScore, StageVerdict
from portal.runs.models import Run
from portal.verdicts.models import Override, Prediction
from portal.verdicts.predictions import genres_by_name, store_predictions
from run_steps import SONGS, extracted, synced
from stand_in_services import MODEL


def test_training_takes_overrides_before_tags_and_groups_by_artist(portal):
    extracted(portal)
    song = Track.objects.get(rating_key="1001")
    Override.objects.create(track=song, genre=Genre.objects.get(name="Jazz"))
    run = portal.finish(start_train())
    assert run.state == Run.State.DONE
    taught = {each.song_id: (each.genre, each.artist) for each in portal.inference.taught}
    assert taught[str(song.pk)] == ("Jazz", "The Band")
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


def test_a_training_that_is_stopped_stores_nothing(portal):
    extracted(portal)
    run = start_train()
    stop(run)
    assert portal.finish(run).state == Run.State.STOPPED
    assert not Prediction.objects.exists()
