"""The rows of models: what inference has, whoever switched it, and whichever of the two was away or restored."""

import threading

import pytest
from django.db import connections
from models_stand_in import CANDIDATE, IN_SERVICE, RETIRED, made
from portal.orchestration.start import (
    start_extract,
    start_model_rollback,
    start_promote,
    start_sync,
    start_train,
)
from portal.registry.mirror import reconcile
from portal.registry.models import ModelStage, TrainedModel
from portal.registry.serving import serving_versions, whole_song_heads
from runtime.errors import RemoteError


def states() -> dict[str, str]:
    return dict(TrainedModel.objects.values_list("name", "state"))


@pytest.fixture
def kept(portal):
    """Two models, of which the newer one serves."""
    portal.inference.models = [made(2, IN_SERVICE, "Better: 75 % against 70 %."), made(1, RETIRED)]
    reconcile(portal.services.models)
    return portal


def test_a_model_stands_with_its_figures_its_stages_and_what_a_rollback_would_put_back(kept):
    assert states() == {"model-2": "in service", "model-1": "retired"}
    newer, older = TrainedModel.objects.all()
    assert (newer.name, newer.genres, newer.song_count, newer.group_count) == (
        "model-2",
        ["Jazz", "Rap"],
        12,
        6,
    )
    assert (newer.held_out_accuracy, newer.held_out_accuracy_low, newer.held_out_songs) == (0.75, 0.5, 8)
    assert (newer.compared_with, newer.comparison) == ("model-1", "Better: 75 % against 70 %.")
    assert (newer.is_rollback_target, older.is_rollback_target) == (False, True)
    stage = newer.stages.get()
    assert (stage.stage, stage.model_version, stage.held_out_accuracy) == (1, "genre_test/2", 0.75)
    assert [(each.genre, each.songs, each.precision) for each in stage.genres.all()] == [("Jazz", 4, 0.5)]
    assert serving_versions() == {"genre_test/2"}


def test_reading_again_changes_nothing_and_asks_for_no_report_twice(kept):
    before = list(TrainedModel.objects.values())
    kept.inference.reports_asked.clear()
    reconcile(kept.services.models)
    assert list(TrainedModel.objects.values()) == before
    assert kept.inference.reports_asked == []


def test_what_another_program_has_switched_is_seen(kept):
    TrainedModel.objects.update(promoted_by="admin")
    kept.inference.models[0].state, kept.inference.models[1].state = RETIRED, IN_SERVICE
    kept.inference.models[1].promote_time.FromSeconds(1_700_000_100)
    reconcile(kept.services.models)
    assert states() == {"model-2": "retired", "model-1": "in service"}
    assert TrainedModel.objects.get(name="model-1").promoted_by == "", "nobody knows who it was"
    assert serving_versions() == {"genre_test/1"}


def test_an_inference_of_before_has_the_models_that_it_has_and_another_one_of_the_same_name(kept):
    """Its folder came back from a backup, and it has trained again since."""
    again = made(2, CANDIDATE)
    again.create_time.FromSeconds(1_700_009_999)
    again.genres[:] = ["Folk"]
    kept.inference.models = [again]
    reconcile(kept.services.models)
    model = TrainedModel.objects.get()
    assert (model.name, model.state, model.genres, model.comparison) == ("model-2", "candidate", ["Folk"], "")
    assert ModelStage.objects.count() == 1
    assert serving_versions() == frozenset()


def test_a_portal_of_before_learns_what_has_become_of_models(kept):
    """Its database came back from a backup, of a day when the first model served and the second was not trained."""
    TrainedModel.objects.filter(name="model-2").delete()
    TrainedModel.objects.update(state="in service", is_rollback_target=False)
    reconcile(kept.services.models)
    assert states() == {"model-2": "in service", "model-1": "retired"}
    assert TrainedModel.objects.get(name="model-1").is_rollback_target


def test_while_inference_is_silent_the_rows_stay(kept, monkeypatch):
    from portal.remote.models import models_at_hand

    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", "127.0.0.1:9")
    with models_at_hand() as models, pytest.raises(RemoteError):
        reconcile(models)
    assert serving_versions() == {"genre_test/2"}


def test_a_model_that_is_kept_no_more_leaves_its_run_without_a_model(portal):
    portal.finish(start_sync())
    portal.finish(start_extract())
    run = portal.finish(start_train())
    assert (run.model.name, run.model.promoted_by) == ("model-1", "its training")
    portal.inference.models = []
    reconcile(portal.services.models)
    run.refresh_from_db()
    assert run.model is None
    assert run.message.startswith("model-1 ")


def test_a_model_of_a_training_outlives_a_look_that_began_before_it(kept, monkeypatch):
    """The look of each minute and of a page may come while a training ends."""
    models, asked, other = kept.services.models, threading.Event(), threading.Event()
    at_once = models.kept

    def late(**wanted):
        answer = at_once(**wanted)
        if threading.current_thread() is looking:
            asked.set()
            other.wait(1.0)  # whoever comes after this look need not wait for it; if he must, it goes on
        return answer

    def look() -> None:
        reconcile(models)
        connections.close_all()

    monkeypatch.setattr(models, "kept", late)
    looking = threading.Thread(target=look)
    looking.start()
    assert asked.wait(10.0)
    kept.inference.models.insert(0, made(3, CANDIDATE))
    reconcile(models)
    other.set()
    looking.join(10.0)
    assert states()["model-3"] == "candidate"


def test_it_is_kept_who_has_put_a_model_into_service_or_taken_it_back(kept):
    run = kept.finish(start_promote("model-1", by="anna"))
    assert (run.model.name, run.model.promoted_by) == ("model-1", "anna")
    run = kept.finish(start_model_rollback("model-1", by="bert"))
    assert (run.model.name, run.model.promoted_by) == ("model-2", "bert")
    assert states() == {"model-2": "in service", "model-1": "retired"}


def test_heads_of_whole_songs_are_known_by_what_they_have_learned_from(kept):
    assert whole_song_heads(["genre_test/2", "genre_test/9"]) == frozenset()
    ModelStage.objects.filter(model_version="genre_test/2").update(feature_versions=["fma-native/1"])
    assert whole_song_heads(["genre_test/2", "genre_test/9"]) == {"genre_test/2"}
