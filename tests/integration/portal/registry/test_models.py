"""Models in the portal: a candidate stays out of the verdicts, a promotion brings its own, the admin shows them."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from models_stand_in import CANDIDATE, IN_SERVICE, RETIRED, OutdatedError, made
from portal.registry.report_sentences import PICTURES
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2 as messages
from sounds import sound_of


@pytest.fixture
def extracted(portal):
    """The library, read and analysed."""
    from portal.orchestration.start import start_extract, start_sync

    portal.finish(start_sync())
    portal.finish(start_extract())
    return portal


@pytest.fixture
def page(portal, settings) -> Client:
    """A person before the admin, and the services where its pages look for them."""
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    return client


def said(track, version: str, genre: str = "Jazz") -> messages.OutOfFoldPrediction:
    top = [messages.GenreScore(genre=genre, probability=0.7)]
    verdict = messages.StageVerdict(stage=1, model_version=version, top=top, threshold=0.8)
    return messages.OutOfFoldPrediction(
        song_id=str(track.pk), verdicts=[verdict], outcome=messages.OUTCOME_CLASSIFIED, deciding_stage=1,
        sound=sound_of(genre, 0.7),
    )  # fmt: skip


def songs():
    from portal.library.models import Track

    return list(Track.objects.exclude(audio=None).order_by("pk"))


def test_a_candidate_is_named_as_one_and_its_verdicts_are_not_taken(extracted) -> None:
    from portal.orchestration.start import start_train
    from portal.verdicts.models import Prediction

    extracted.inference.trained_state = CANDIDATE
    run = extracted.finish(start_train("never"))
    assert "It is a candidate, not put into service: that was asked for." in run.message
    run = extracted.finish(start_train())
    assert run.state == "done"
    assert extracted.inference.promotions == [messages.PROMOTION_NEVER, messages.PROMOTION_IF_BETTER]
    assert "It is a candidate, not put into service: No better: 70 % against 71 %." in run.message
    assert "`reclass models promote model-1`" in run.message
    assert not Prediction.objects.exists()


def test_a_training_asks_for_promotion_only_if_better(extracted) -> None:
    from portal.orchestration.start import start_train

    run = extracted.finish(start_train())
    assert extracted.inference.promotions == [messages.PROMOTION_IF_BETTER]
    assert "candidate" not in run.message
    assert run.message.startswith("model-1 has learned 1 genres from 12 songs;")
    assert run.message.endswith("model-1 is in service.")


def test_a_promotion_brings_what_the_model_said_out_of_fold_and_forgets_models_that_are_not_kept(
    extracted,
) -> None:
    from portal.genres.models import Genre
    from portal.orchestration.start import start_promote
    from portal.verdicts.models import Prediction

    jazz = Genre.objects.get(name="Jazz")
    first, second, *_ = songs()
    for version, current in (("genre_test/1", False), ("genre_test/2", True)):
        Prediction.objects.create(
            track=first, genre=jazz, confidence=0.5, model_version=version, deciding_stage=1, current=current
        )
    extracted.inference.models = [made(3, CANDIDATE), made(2, IN_SERVICE)]
    extracted.inference.said["model-3"] = [
        said(first, "genre_test/3"), said(second, "genre_test/3"), messages.OutOfFoldPrediction(song_id="song 1"),
    ]  # fmt: skip
    run = extracted.finish(start_promote("model-3"))
    assert run.state == "done"
    assert run.message.startswith("model-3 is in service. 2 songs of its training have its verdict")
    (asked,) = extracted.inference.switches
    assert list(asked.vector_versions) == ["test/1"]
    current = Prediction.objects.filter(current=True)
    assert {(each.track_id, each.model_version, each.out_of_fold) for each in current} == {
        (first.pk, "genre_test/3", True), (second.pk, "genre_test/3", True),
    }  # fmt: skip
    earlier = Prediction.objects.filter(current=False)
    assert [each.model_version for each in earlier] == ["genre_test/2"]


def test_a_training_of_random_weights_says_so_and_so_does_every_verdict_of_it(extracted) -> None:
    from portal.orchestration.start import start_train
    from portal.verdicts.models import Prediction

    extracted.inference.random_weights = True
    run = extracted.finish(start_train())
    assert (
        "It has learned from vectors that random weights made: what these say means nothing." in run.message
    )
    assert set(Prediction.objects.values_list("random_weights", flat=True)) == {True}


def test_a_song_of_the_training_that_is_unlike_the_others_is_unfamiliar_and_is_not_written(extracted) -> None:
    from portal.library.models import Analysis, Track
    from portal.orchestration.start import start_classify, start_plan, start_train

    extracted.inference.out_of_fold_outcome = messages.OUTCOME_OUT_OF_DISTRIBUTION
    extracted.finish(start_train())
    of_training = Track.objects.filter(predictions__out_of_fold=True)
    assert set(of_training.values_list("analysis", flat=True)) == {Analysis.OUT_OF_DISTRIBUTION}
    # The model in service has learned from them, so to it they are familiar: that says nothing.
    extracted.finish(start_classify(again=True))
    assert set(of_training.values_list("analysis", flat=True)) == {Analysis.OUT_OF_DISTRIBUTION}
    run = extracted.finish(start_plan(min_confidence=0.0))
    assert (run.song_count, run.batch) == (0, None)


def test_what_was_said_out_of_fold_before_outcomes_were_kept_is_asked_for_again_and_not_written_meanwhile(
    extracted,
) -> None:
    from portal.orchestration.start import start_plan, start_train
    from portal.verdicts.models import Prediction

    extracted.finish(start_train())
    known = list(Prediction.objects.filter(current=True, out_of_fold=True))
    Prediction.objects.update(outcome="")
    run = extracted.finish(start_plan(min_confidence=0.0))
    assert (len(known) > 0, run.song_count) == (True, 0)
    extracted.inference.models = [made(1, IN_SERVICE)]
    extracted.inference.said["model-1"] = [said(each.track, extracted.inference.model) for each in known]
    run = extracted.finish(start_plan(min_confidence=0.0))
    assert run.song_count == len(known)
    assert set(Prediction.objects.filter(current=True).values_list("outcome", flat=True)) == {"classified"}


def test_the_thresholds_in_force_reach_the_songs_of_a_training(extracted) -> None:
    from portal.orchestration.start import start_classify, start_plan, start_train
    from portal.preferences.changing import change
    from portal.preferences.current import preferences
    from portal.verdicts.models import Prediction

    change({"stage_1_confidence": 0.9})
    extracted.finish(start_train())
    assert list(extracted.inference.train_options[0].stage_thresholds) == pytest.approx([0.9, 0.7, 0.7])
    extracted.inference.models = [made(1, IN_SERVICE)]
    track = songs()[0]

    def of_fold(threshold: float) -> messages.OutOfFoldPrediction:
        verdict = messages.StageVerdict(
            stage=1,
            model_version=extracted.inference.model,
            top=[messages.GenreScore(genre="Blues", probability=0.7)],
            threshold=threshold,
        )
        return messages.OutOfFoldPrediction(
            song_id=str(track.pk),
            verdicts=[verdict],
            outcome=messages.OUTCOME_OUT_OF_DISTRIBUTION,
            deciding_stage=1,
            sound=sound_of("Blues", 0.7),
        )

    extracted.inference.said["model-1"] = [of_fold(0.5)]
    change({"stage_1_confidence": 0.5})
    extracted.finish(start_plan(min_confidence=preferences().write_confidence))
    (asked,) = extracted.inference.out_of_fold_asked
    assert list(asked.stage_thresholds) == pytest.approx([0.5, 0.7, 0.7])
    prediction = Prediction.objects.get(track=track, current=True)
    assert (prediction.genre.name, prediction.outcome, prediction.track.analysis) == (
        "Blues",
        "out_of_distribution",
        "out_of_distribution",
    )
    Prediction.objects.exclude(pk=prediction.pk).delete()
    extracted.finish(start_classify())
    assert len(extracted.inference.out_of_fold_asked) == 1  # nothing has changed since


def test_a_stage_that_is_switched_off_has_no_vote_when_thresholds_change_and_a_verdict_stays_by_itself(
    extracted,
) -> None:
    from portal.library.models import Embedding
    from portal.orchestration.start import start_plan, start_train
    from portal.preferences.changing import change
    from portal.verdicts.models import Prediction

    extracted.inference.later_kinds = (features_pb2.VECTOR_KIND_MERT,)
    extracted.inference.feature_versions = ("test/1", "mert/1")
    extracted.finish(start_train())
    extracted.inference.models = [made(1, IN_SERVICE)]
    track = songs()[0]
    later = f"{extracted.inference.model}.2"
    stages = [[1, extracted.inference.model, False, 0.8, ["Jazz", 0.7]], [2, later, True, 0.7, ["Jazz", 0.9]]]
    Prediction.objects.exclude(track=track).delete()
    Prediction.objects.update(stages=stages, deciding_stage=2, model_version=later, outcome="classified")
    extracted.inference.said["model-1"] = [said(track, extracted.inference.model, "Blues")]
    Embedding.objects.filter(kind="mert").update(enabled=False)
    change({"stage_1_confidence": 0.8, "stage_2_confidence": 0.75})
    extracted.finish(start_plan(min_confidence=0.0))
    assert extracted.inference.out_of_fold_asked == [], "what was changed is of the stage that is off"
    change({"stage_1_confidence": 0.6})
    extracted.finish(start_plan(min_confidence=0.0))
    (asked,) = extracted.inference.out_of_fold_asked
    assert asked.max_stages == 1
    assert Prediction.objects.get(track=track, current=True).deciding_stage == 1


def test_a_rollback_names_the_model_that_it_takes_back(extracted) -> None:
    from portal.orchestration.start import start_model_rollback

    extracted.inference.models = [made(2, IN_SERVICE), made(1, RETIRED)]
    run = extracted.finish(start_model_rollback("model-2"))
    assert run.message.startswith("model-1 ")
    assert extracted.inference.switches[0].in_service == "model-2"


def test_a_refused_promotion_fails_with_the_sentence_that_says_why(extracted) -> None:
    from portal.orchestration.start import start_promote

    extracted.inference.models = [made(2, CANDIDATE), made(1, IN_SERVICE)]
    extracted.inference.refuses = OutdatedError("model-2 has learned from other vectors: run `reclass train`")
    run = extracted.finish(start_promote("model-2"))
    assert (run.state, run.message) == (
        "failed",
        "model-2 has learned from other vectors: run `reclass train`",
    )


@pytest.fixture
def at_hand(portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and commands find the services."""
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", portal.target)


@pytest.mark.usefixtures("at_hand")
def test_the_page_lists_models_and_its_buttons_ask_for_the_switch(page: Client, portal) -> None:
    from portal.runs.models import Run

    address = "/admin/registry/trainedmodel/"
    assert b"No training has made a model yet" in page.get(address).content
    portal.inference.models = [made(2, CANDIDATE, "Not surely better."), made(1, IN_SERVICE)]
    shown = page.get(address).content.decode()
    assert "model-2" in shown
    assert "<strong>75 %</strong> of 8 songs" in shown
    assert "95 %: 50 to 88 %" in shown
    assert "Roll back" not in shown, "there is nothing to roll back to"
    assert "Not surely better." in shown
    assert "In service" in shown
    first_cell = shown[shown.index("model-2</a>") :].split("</td>")[0]
    assert 'name="promote"' in first_cell, "the button is in sight in a narrow window too"
    page.post(address, {"promote": "model-2"})
    run = Run.objects.get()
    assert (run.kind, run.arguments) == ("promote", {"model": "model-2", "by": "admin"})
    Run.objects.all().delete()
    page.post(address, {"roll_back": "model-1"})
    assert Run.objects.get().arguments == {"back_from": "model-1", "by": "admin"}


@pytest.mark.usefixtures("at_hand")
def test_the_page_of_a_model_shows_report_and_pictures(page: Client, portal) -> None:
    portal.inference.models = [made(1, IN_SERVICE)]
    portal.inference.pictures = [
        messages.Picture(name="genre_fma-confusion.png", media_type="image/png", content=b"dots")
    ]
    shown = page.get("/admin/registry/trainedmodel/model-1/change/").content.decode()
    assert "75 % of 8 songs" in shown
    assert 'src="data:image/png;base64,ZG90cw=="' in shown
    assert PICTURES["confusion"][0] in shown
    assert "<td>Rap</td>" in shown
    assert "<td>Jazz</td><td>Rap</td>" in shown, "the mistakes are named"
    assert "Roll back" not in shown, "there is nothing to roll back to"
    assert "judgement, 95%" not in shown, "nobody has judged"
    portal.inference.models = [made(2, IN_SERVICE), made(1, RETIRED)]
    assert "Roll back to model-1" in page.get("/admin/registry/trainedmodel/model-2/change/").content.decode()


@pytest.mark.usefixtures("at_hand")
def test_the_page_of_the_model_in_service_says_what_judgements_promise(page: Client, portal) -> None:
    from portal.genres.models import Genre
    from portal.library.models import Analysis
    from portal.verdicts.models import Judgement
    from songs import add_prediction, make_library, make_song

    portal.inference.models = [made(2, IN_SERVICE), made(1, RETIRED)]
    track = make_song(make_library(), 1, analysis=Analysis.CLASSIFIED)
    jazz, _ = Genre.objects.get_or_create(name="Jazz")
    add_prediction(track, jazz, 0.9, outcome="classified", model_version="genre_fma/2")
    Judgement.objects.create(track=track, genres=[jazz.pk], kind="disagreement", stratum="sure")
    shown = page.get("/admin/registry/trainedmodel/model-2/change/").content.decode()
    assert "By 1 judgement, 95% are right from a confidence of 80 % on" in shown
    assert "3.4 points too low" in shown
    assert "judgement, 95%" not in page.get("/admin/registry/trainedmodel/model-1/change/").content.decode()


@pytest.mark.usefixtures("at_hand")
def test_only_those_who_may_change_models_can_switch_them(portal) -> None:
    client = Client()
    client.force_login(User.objects.create_user("reader", is_staff=True))
    assert client.get("/admin/registry/trainedmodel/").status_code == 403
    assert client.post("/admin/registry/trainedmodel/", {"promote": "model-1"}).status_code == 403


def test_while_inference_is_silent_the_page_says_so(page: Client, portal, monkeypatch) -> None:
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", "127.0.0.1:9")
    shown = page.get("/admin/registry/trainedmodel/").content.decode()
    assert "The inference service" in shown


def test_what_an_embedding_added_and_why_one_was_left_out_is_kept_and_told(
    extracted, page, monkeypatch
) -> None:
    from portal.orchestration.start import start_train
    from portal.registry.embedding_table import added_accuracies
    from portal.registry.models import ModelStage, TrainedModel

    fma, musicnn, mert = (
        features_pb2.VectorKind.Value(f"VECTOR_KIND_{kind}") for kind in ("FMA", "MUSICNN", "MERT")
    )
    added = messages.Added(accuracy=0.08, accuracy_low=-0.01, accuracy_high=0.17, songs=90)
    extracted.inference.later_stages = [
        messages.StageReport(stage=2, model_version="genre_fma_musicnn/1", kinds=[fma, musicnn], added=added)
    ]
    extracted.inference.skipped_embeddings = [
        messages.SkippedEmbedding(kind=mert, reason="Only 3 songs have it.")
    ]
    run = extracted.finish(start_train())
    assert "Left out of the stages: MERT (Only 3 songs have it)." in run.message
    first, second = ModelStage.objects.order_by("stage")
    assert (first.kinds, first.added_accuracy) == (["test"], None)
    assert (second.kinds, second.added_songs) == (["fma", "musicnn"], 90)
    assert second.added_accuracy_low == pytest.approx(-0.01)
    assert added_accuracies()["musicnn"].points == pytest.approx(8.0)
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", extracted.target)
    name = TrainedModel.objects.get().name
    html = " ".join(page.get(f"/admin/registry/trainedmodel/{name}/change/").content.decode().split())
    assert "MUSICNN adds +8.0 points to FMA (95 %: -1.0 to +17.0), on 90 songs" in html
    assert "Only 3 songs have it." in html
