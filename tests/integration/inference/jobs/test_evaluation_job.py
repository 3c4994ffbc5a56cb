"""Evaluate over gRPC: a given split is evaluated, and no model comes of it."""

from collections.abc import Iterator

import grpc
import pytest
from inference_system import System
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2 as messages
from runtime.errors import RemoteError
from synthetic_library import SyntheticLibrary, synthetic_library
from wire import packed

PARTS = (
    messages.SPLIT_PART_TRAINING,
    messages.SPLIT_PART_TEST,
    messages.SPLIT_PART_TRAINING,
    messages.SPLIT_PART_VALIDATION,
)


@pytest.fixture(scope="module")
def splittable() -> SyntheticLibrary:
    return synthetic_library(
        seed=8, genres=4, artists_per_genre=8, songs_per_artist=3, separation=1.2, wrong=0
    )


def evaluation(
    library: SyntheticLibrary, part: messages.SplitPart.ValueType | None = None
) -> Iterator[messages.EvaluateRequest]:
    """All songs of a library, all in one part where one is named."""
    yield messages.EvaluateRequest(options=messages.EvaluateOptions(seed=2, title="Made up"))
    for song, label in enumerate(library.labels):
        artist = int(library.artists[song])
        vector = features_pb2.Vector(
            kind=features_pb2.VECTOR_KIND_FMA_NATIVE, version="native/1", values=packed(library.vectors[song])
        )
        training_song = messages.TrainingSong(
            song_id=str(song), genre=library.genres[label], artist=str(artist), vectors=[vector]
        )
        split = PARTS[artist % 4] if part is None else part
        yield messages.EvaluateRequest(song=messages.EvaluationSong(song=training_song, part=split))


def test_a_given_split_is_evaluated_and_the_models_are_as_they_were(
    trained: System, splittable: SyntheticLibrary
) -> None:
    before = trained.stub.ListModels(messages.ListModelsRequest())
    answers = list(trained.stub.Evaluate(evaluation(splittable), timeout=120))
    parts = [answer.WhichOneof("part") for answer in answers]
    assert parts == ["progress"] * (len(parts) - 1) + ["report"]
    report = answers[-1].report
    assert (report.training_songs, report.validation_songs, report.test_songs) == (48, 24, 24)
    assert report.stage.held_out_songs == 24
    assert report.stage.held_out_accuracy > 0.6
    assert list(report.stage.feature_versions) == ["native/1"]
    assert {each.name for each in report.pictures} == {"confusion.png", "coverage.png", "reliability.png"}
    assert all(each.content.startswith(b"\x89PNG") for each in report.pictures)
    assert trained.stub.ListModels(messages.ListModelsRequest()) == before


def test_a_split_without_a_test_part_is_refused(trained: System, splittable: SyntheticLibrary) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        list(trained.stub.Evaluate(evaluation(splittable, messages.SPLIT_PART_TRAINING), timeout=120))
    error = RemoteError.from_rpc(failed.value)
    assert error.reason == "TOO_FEW_SONGS"
    assert "validation" in error.message


def test_a_song_without_a_part_is_refused(trained: System, splittable: SyntheticLibrary) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        list(trained.stub.Evaluate(evaluation(splittable, messages.SPLIT_PART_UNSPECIFIED), timeout=120))
    error = RemoteError.from_rpc(failed.value)
    assert error.reason == "INVALID_REQUEST"
    assert "with its part of the split" in error.message


def test_songs_before_the_options_are_refused(trained: System, splittable: SyntheticLibrary) -> None:
    requests = evaluation(splittable)
    next(requests)
    with pytest.raises(grpc.RpcError) as failed:
        list(trained.stub.Evaluate(requests, timeout=120))
    assert RemoteError.from_rpc(failed.value).reason == "INVALID_REQUEST"
