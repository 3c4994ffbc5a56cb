"""Stages beyond the first as people see them: kinds that no stage uses, models that are away, random weights."""

import io

import pytest
from django.conf import settings
from features_stand_in import NOT_INSTALLED
from portal.commands.doctor.checks import examine
from portal.commands.songs.extracting import report, stages_as_data
from portal.commands.terminal import Terminal
from portal.configuration import PortalSettings
from portal.library.models import Track, Vector
from portal.orchestration.start import start_classify, start_extract, start_sync, start_train
from portal.runs.models import Run
from reclass.features.v1 import features_pb2

SONGS = 12
FMA, MERT, NATIVE = (
    features_pb2.VECTOR_KIND_FMA,
    features_pb2.VECTOR_KIND_MERT,
    features_pb2.VECTOR_KIND_FMA_NATIVE,
)
TRIAL = "mert-v1-95m/0;layer=2;weights=trial;excerpt=middle-30s"
WARNING = "trial weights: verdicts mean nothing"


def extracted(portal, *stages: str) -> Run:
    portal.finish(start_sync(["Music"]))
    return portal.finish(start_extract(stages))


def kinds_stored() -> set[str]:
    return set(Vector.objects.values_list("kind", flat=True))


def with_mert(portal, version: str = "mert/1") -> None:
    portal.features.versions[MERT] = version
    portal.inference.kinds = (FMA, MERT)


@pytest.mark.parametrize("asked", [(), ("all",)])
def test_the_native_kind_is_made_only_where_it_is_asked_for_by_name(portal, asked):
    portal.features.versions[NATIVE] = "fma-native-518/2"
    extracted(portal, *asked)
    assert kinds_stored() == {"fma"}
    run = portal.finish(start_extract(["fma-native"]))
    assert (run.state, run.done_count) == (Run.State.DONE, SONGS)
    assert kinds_stored() == {"fma", "fma-native"}
    assert Vector.objects.filter(kind="fma-native", values=None).count() == 0, (
        "its numbers are kept as they are"
    )


@pytest.mark.parametrize(("asked", "made"), [((), 2), (("all",), 2), (("fma",), 1)])
def test_whole_songs_are_analysed_unasked_where_the_model_in_service_has_learned_from_them(
    portal, monkeypatch, asked, made
):
    monkeypatch.setenv("PORTAL_FEATURES_TARGET", portal.target)
    portal.features.versions[NATIVE] = "fma-native-518/2"
    portal.inference.kinds, portal.inference.feature_versions = (NATIVE,), ("fma-native-518/2",)
    run = extracted(portal, *asked)
    assert (run.state, run.done_count) == (Run.State.DONE, SONGS)
    assert kinds_stored() == {"fma", *["fma-native"][: made - 1]}
    assert len(portal.features.decoded) == SONGS, "both from one pass"
    native = next(
        stage for stage in stages_as_data(5.0, {"fma-native"})["stages"] if stage["stage"] == "fma-native"
    )
    assert native["pending" if made == 1 else "done"] == SONGS
    portal.finish(start_extract())
    portal.finish(start_classify())
    assert {(NATIVE, "fma-native-518/2")} <= {
        (vector.kind, vector.version) for song in portal.inference.asked for vector in song.vectors
    }


def test_an_extraction_goes_on_while_inference_is_silent_and_says_what_it_may_lack(portal):
    portal.inference.silent = True
    run = extracted(portal)
    assert (run.state, run.done_count) == (Run.State.DONE, SONGS)
    assert "inference did not answer: only the usual vectors were made" in run.message
    assert "inference did not answer" not in portal.finish(start_extract(["fma"])).message


def test_status_shows_the_native_kind_once_somebody_has_asked_for_it(portal, monkeypatch):
    monkeypatch.setenv("PORTAL_FEATURES_TARGET", portal.target)
    portal.features.versions[NATIVE] = "fma-native-518/2"
    extracted(portal, "fma")
    assert [stage["stage"] for stage in stages_as_data(5.0)["stages"]] == ["fma", "mert", "jmla"]
    portal.finish(start_extract(["fma-native"]))
    native = next(stage for stage in stages_as_data(5.0)["stages"] if stage["stage"] == "fma-native")
    assert native["done"] == SONGS


def test_vectors_that_no_stage_uses_are_sent_to_nobody(portal):
    portal.features.versions[NATIVE] = "fma-native-518/2"
    extracted(portal, "fma", "fma-native")
    portal.finish(start_train())
    assert {vector.kind for song in portal.inference.taught for vector in song.vectors} == {FMA}
    portal.finish(start_classify(again=True))
    assert {vector.kind for song in portal.inference.asked for vector in song.vectors} == {FMA}


def test_a_training_learns_from_vectors_of_a_model_that_is_away_for_a_moment(portal):
    with_mert(portal)
    extracted(portal)
    portal.features.away[MERT] = portal.features.versions.pop(MERT)
    portal.finish(start_train())
    assert {vector.kind for song in portal.inference.taught for vector in song.vectors} == {FMA, MERT}


def test_a_training_leaves_out_vectors_of_a_model_that_is_no_more(portal):
    with_mert(portal)
    extracted(portal)
    del portal.features.versions[MERT]
    portal.finish(start_train())
    assert {vector.kind for song in portal.inference.taught for vector in song.vectors} == {FMA}


def test_a_model_that_learned_from_embeddings_of_another_version_classifies_nothing_and_says_why(portal):
    with_mert(portal)
    extracted(portal)
    portal.inference.feature_versions = ("test/1", "mert/0")
    run = portal.finish(start_classify())
    assert run.state == Run.State.FAILED
    assert "(mert/0)" in run.message
    assert "(mert/1)" in run.message
    portal.inference.feature_versions = ("test/1", "mert/1")
    assert portal.finish(start_classify()).state == Run.State.DONE


@pytest.mark.parametrize("learned", [("test/1", "mert/0"), ()])
def test_of_each_kind_one_vector_is_sent_also_while_nobody_makes_that_kind(portal, learned):
    """Of two makes that are kept, that of the model in service, where it says what it learned."""
    with_mert(portal)
    extracted(portal)
    for vector in Vector.objects.filter(kind="mert"):
        vector.pk, vector.version = None, "mert/0"
        vector.save()
    del portal.features.versions[MERT]
    portal.inference.feature_versions = learned
    assert portal.finish(start_classify()).state == Run.State.DONE
    assert len(portal.inference.asked) == SONGS
    for song in portal.inference.asked:
        assert [vector.kind for vector in song.vectors] == [FMA, MERT]
        assert song.vectors[1].version in (learned[1:] or ("mert/1",))


def test_random_weights_are_called_so_after_an_extraction_and_by_the_doctor(portal, monkeypatch):
    with_mert(portal, TRIAL)
    run = extracted(portal)
    output = io.StringIO()
    assert report(run.result, Terminal(file=output, width=200))
    assert f"mert: {WARNING}" in output.getvalue()
    portal.inference.feature_versions = ("test/1", TRIAL)
    targets = dict.fromkeys(("sync_target", "features_target", "inference_target"), portal.target)
    found = {each.what: each for each in examine(PortalSettings(**targets), portal.services)}
    assert "weights=trial" in found["vectors"].message
    assert WARNING in found["models"].message


def test_the_dashboard_shows_what_runs_where_and_random_weights(portal, monkeypatch, admin_client):
    for name in ("features_target", "inference_target"):
        monkeypatch.setattr(settings.RECLASS, name, portal.target)
    monkeypatch.setenv("PORTAL_FEATURES_TARGET", portal.target)
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", portal.target)
    with_mert(portal, TRIAL)
    portal.features.details[MERT] = "MERT-v1-95M on cuda:0 (a GPU) in fp16"
    portal.features.for_trials = {MERT}
    html = admin_client.get("/admin/").content.decode()
    assert "MERT-v1-95M on cuda:0 (a GPU) in fp16" in html
    assert "Stage 1 · FMA + MERT" in html
    assert "trial weights" in html
    assert NOT_INSTALLED in html  # JMLA, with what to do


def test_the_dashboard_shows_the_licence_of_a_models_weights_and_what_a_song_costs(
    portal, monkeypatch, admin_client
):
    for name in ("features_target", "inference_target"):
        monkeypatch.setattr(settings.RECLASS, name, portal.target)
    monkeypatch.setenv("PORTAL_FEATURES_TARGET", portal.target)
    with_mert(portal, "mert/1")
    portal.features.costs[MERT] = ("CC-BY-NC-4.0", 3.7)
    html = admin_client.get("/admin/").content.decode()
    assert html.count("Weights: ") == 1  # the others have none
    assert "Weights: CC-BY-NC-4.0; about 3.7 s of one processor core a song" in html


def test_the_page_of_a_song_whose_vectors_random_weights_made_says_so_at_the_later_stage(
    portal, admin_client
):
    with_mert(portal, TRIAL)
    extracted(portal)
    portal.inference.verdicts_of_stages = 2
    portal.finish(start_classify())
    track = Track.objects.order_by("pk").first()
    html = admin_client.get(f"/admin/library/track/{track.pk}/change/").content.decode()
    assert html.count(WARNING) == 1
    Vector.objects.filter(kind="mert").update(version="mert/1")
    html = admin_client.get(f"/admin/library/track/{track.pk}/change/").content.decode()
    assert WARNING not in html
