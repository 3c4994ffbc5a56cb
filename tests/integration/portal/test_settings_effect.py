"""Each setting is changed on its page and felt at the receiving end, by the same worker and the same services."""

from typing import Any

import pytest
from django.test import Client
from features_stand_in import VERSION
from portal.library.models import Library, Track, Vector
from portal.orchestration.start import start_classify, start_extract, start_sync, start_train
from portal.preferences.changing import change
from portal.runs.models import Run
from reclass.features.v1 import features_pb2 as pb
from reclass.inference.v1 import inference_pb2
from settings_page import save

FIRST = f"{VERSION};excerpt {pb.EXCERPT_FIRST_30S}"
MAPPING = pb.PathMapping(from_prefix="/data/music", to_prefix="/mnt/music")


@pytest.fixture
def library(portal: Any) -> Any:
    """A portal with songs, before anything is changed."""
    portal.finish(start_sync(["Music"]))
    return portal


def extracted_one(portal: Any) -> pb.ExtractRequest:
    """What features was asked for one song now."""
    portal.features.requests.clear()
    portal.finish(start_extract(track_ids=[Track.objects.exclude(file="").first().pk]))
    return portal.features.requests[0]


def classified_one(portal: Any) -> inference_pb2.ClassifyOptions:
    """How inference was asked to classify one song now."""
    portal.inference.asked.clear()
    portal.finish(start_classify([Track.objects.exclude(file="").first().pk], again=True))
    return portal.inference.asked[0].options


@pytest.mark.parametrize(
    ("name", "value", "of_request"),
    [
        ("excerpt", "first", lambda request: request.excerpt == pb.EXCERPT_FIRST_30S),
        ("excerpt", "whole", lambda request: request.excerpt == pb.EXCERPT_WHOLE),
        ("path_mappings", "/data/music=/mnt/music", lambda request: list(request.path_mappings) == [MAPPING]),
        ("device", "cpu", lambda request: request.compute.device == pb.DEVICE_CPU),
        ("device", "cuda", lambda request: request.compute.device == pb.DEVICE_CUDA),
        ("gpu_memory_share", "0.25", lambda request: request.compute.gpu_memory_share == 0.25),
        ("batch_size", "7", lambda request: request.compute.batch_size == 7),
    ],
)
def test_what_concerns_listening_goes_to_features_and_inference_with_the_next_request(
    library: Any, admin_client: Client, name: str, value: str, of_request: Any
) -> None:
    classified_one(library)
    save(admin_client, **{name: value})
    assert of_request(extracted_one(library))
    assert of_request(classified_one(library))


@pytest.mark.parametrize(
    ("name", "value", "of_options"),
    [
        ("stage_1_confidence", "0.91", lambda options: options.stage_thresholds[0] == 0.91),
        ("stage_2_confidence", "0.62", lambda options: options.stage_thresholds[1] == 0.62),
        ("stage_3_confidence", "0.61", lambda options: options.stage_thresholds[2] == 0.61),
        ("stages", "1", lambda options: options.max_stages == 1),
        ("predictions", "3", lambda options: options.top_k == 3),
    ],
)
def test_what_concerns_deciding_goes_to_inference_with_the_next_request(
    library: Any, admin_client: Client, name: str, value: str, of_options: Any
) -> None:
    usual = classified_one(library)
    assert (list(usual.stage_thresholds), usual.max_stages, usual.top_k) == ([0.8, 0.7, 0.7], 9, 5)
    save(admin_client, **{name: value})
    assert of_options(classified_one(library))


def test_so_many_songs_are_sent_together(library: Any, admin_client: Client) -> None:
    save(admin_client, batch_size="3")
    library.finish(start_classify())
    library.inference.streams.clear()
    library.finish(start_classify(again=True))
    assert max(library.inference.streams) == 3


def test_so_many_songs_are_analysed_at_once(library: Any, admin_client: Client) -> None:
    import threading

    save(admin_client, concurrency="2")
    together = threading.Barrier(2)
    library.features.before_answer = lambda key: together.wait(timeout=10)
    run = library.finish(
        start_extract(track_ids=list(Track.objects.exclude(file="").values_list("pk", flat=True)))
    )
    assert (run.state, run.failed_count) == (Run.State.DONE, 0)


def test_the_chosen_libraries_are_read_by_the_next_sync(portal: Any, admin_client: Client) -> None:
    save(admin_client, plex_libraries="Music")
    portal.finish(start_sync())
    assert set(Library.objects.values_list("title", flat=True)) == {"Music"}
    save(admin_client, plex_libraries="Nowhere")
    assert "There is no music library “Nowhere”" in portal.finish(start_sync()).message


def test_the_confidence_for_writing_is_what_the_next_plan_offers(library: Any, admin_client: Client) -> None:
    save(admin_client, write_confidence="0.83")
    chosen = {"action": "plan", "_selected_action": str(Track.objects.first().pk)}
    page = admin_client.post("/admin/library/track/", chosen).content.decode()
    assert 'value="83' in page


def test_a_setting_that_the_environment_holds_is_felt_as_well(
    library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    change({"predictions": 9})
    monkeypatch.setenv("PORTAL_PREDICTIONS", "2")
    assert classified_one(library).top_k == 2


def test_after_another_excerpt_songs_are_analysed_anew_and_versions_are_never_mixed(
    library: Any, admin_client: Client
) -> None:
    library.finish(start_extract())
    library.inference.feature_versions = (VERSION,)
    save(admin_client, excerpt="first")
    refused = library.finish(start_classify(again=True))
    assert refused.state == Run.State.FAILED
    assert "run `reclass extract`, then `reclass train`, or set excerpt back" in refused.message
    assert "analysed as it is set now" in library.finish(start_train()).message
    library.finish(start_extract())
    assert set(Vector.objects.values_list("version", flat=True)) == {VERSION, FIRST}
    library.finish(start_train())
    assert {vector.version for song in library.inference.taught for vector in song.vectors} == {FIRST}
    library.inference.feature_versions = (FIRST,)
    library.inference.asked.clear()
    library.finish(start_classify(again=True))
    assert {vector.version for track in library.inference.asked for vector in track.vectors} == {FIRST}
    save(admin_client, excerpt="middle")
    library.features.decoded.clear()
    library.finish(start_extract())
    assert library.features.decoded == []
