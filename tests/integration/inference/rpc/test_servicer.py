"""ClassifyTrack, Train and GetStatus end to end: real gRPC, real Triton."""

import time
from collections.abc import Iterator

import grpc
import numpy as np
import pytest
from inference_system import System, fma, training
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2 as messages
from runtime.errors import RemoteError, ServiceError
from synthetic_library import SyntheticLibrary
from wire import packed, values_of


class TooShort(ServiceError):  # noqa: N818  the reason's name
    domain = "reclass.features"
    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "TOO_SHORT"


def refused(call: grpc.RpcError) -> RemoteError:
    return RemoteError.from_rpc(call)


def test_before_the_first_training_there_are_vectors_and_no_genre(
    system: System, library: SyntheticLibrary
) -> None:
    system.features.audio["/music/a.flac"] = {1: library.vectors[0]}
    answer = system.classify(path="/music/a.flac")
    assert answer.outcome == messages.OUTCOME_NO_MODEL
    assert answer.genre == ""
    assert values_of(answer.vectors[0]).tolist() == library.vectors[0].tolist()
    assert answer.content_key == "content /music/a.flac"
    status = system.stub.GetStatus(messages.GetStatusRequest())
    assert [stage.ready for stage in status.stages] == [False]
    assert "not trained" in status.stages[0].message


def test_a_training_answers_with_progress_then_every_song_then_the_report(
    trained: System, library: SyntheticLibrary
) -> None:
    parts = [answer.WhichOneof("part") for answer in trained.first_training]
    assert parts == sorted(parts, key=["progress", "out_of_fold", "report"].index)
    assert parts.count("out_of_fold") == len(library.labels)
    fractions = [answer.progress.fraction for answer in trained.first_training if answer.HasField("progress")]
    assert fractions == sorted(fractions)
    report = trained.first_training[-1].report
    assert list(report.genres) == list(library.genres)
    assert (report.song_count, report.group_count) == (60, 30)
    assert report.stages[0].model_version == "genre_fma/1"
    assert list(report.stages[0].feature_versions) == ["test/1"]
    assert 0.5 < report.stages[0].out_of_fold_accuracy < 1.0


def test_out_of_fold_predictions_are_not_those_of_the_model_that_learned_from_the_song(
    trained: System, library: SyntheticLibrary
) -> None:
    """The served head has learned every wrong tag and repeats some of them; out of fold none has."""
    predictions = [answer.out_of_fold for answer in trained.first_training if answer.HasField("out_of_fold")]
    wrong = np.flatnonzero(library.wrong)
    suspected = [prediction.suspected_label_error for prediction in predictions]
    assert sum(suspected[song] for song in wrong) >= 0.6 * len(wrong)
    assert [prediction.song_id for prediction in predictions] == [f"song {n}" for n in range(60)]
    assert all(len(prediction.verdicts) == 1 for prediction in predictions)
    served = [trained.classify(fma(library, song)).confidence for song in wrong]
    out_of_fold = [predictions[song].verdicts[0].top[0].probability for song in wrong]
    assert served != pytest.approx(out_of_fold, abs=1e-3)


def test_a_trained_service_names_genre_stage_version_and_the_best_five(
    trained: System, library: SyntheticLibrary
) -> None:
    right = 0
    for song in np.flatnonzero(~library.wrong):
        answer = trained.classify(fma(library, song))
        assert answer.outcome == messages.OUTCOME_CLASSIFIED
        assert answer.deciding_stage == 1
        assert answer.model_version == trained.version()
        assert len(answer.verdicts[0].top) == 5
        assert answer.verdicts[0].top[0].genre == answer.genre
        assert answer.verdicts[0].top[0].probability == answer.confidence
        assert not answer.vectors
        right += answer.genre == library.genres[library.truth[song]]
    assert right >= 50


def test_triton_computes_what_the_head_computes_here(trained: System, library: SyntheticLibrary) -> None:
    from inference.classify.probabilities import softmax
    from inference.registry.version_files import read_head, read_record

    folder = trained.triton.repository / trained.version()
    logits = read_head(folder).logits(library.vectors[:1])
    probabilities = np.sort(softmax(logits, read_record(folder).temperature)[0])[::-1]
    answer = trained.classify(fma(library, 0))
    # float32 sums of 518 products in another order.
    assert [score.probability for score in answer.verdicts[0].top] == pytest.approx(
        probabilities[:5], abs=1e-4
    )


def test_audio_is_analysed_once_and_its_facts_come_back(trained: System, library: SyntheticLibrary) -> None:
    trained.features.audio["/music/b.flac"] = {1: library.vectors[3]}
    trained.features.requests.clear()
    request = messages.ClassifyTrackRequest(audio=features_pb2.AudioReference(path="/music/b.flac"))
    request.options.path_mappings.add(from_prefix="/music", to_prefix="/mnt")
    answer = trained.stub.ClassifyTrack(request)
    assert answer.content_key == "content /music/b.flac"
    assert answer.properties.codec == "flac"
    assert list(answer.tags.genres) == ["In the file"]
    assert len(answer.vectors) == 1
    (asked,) = trained.features.requests
    assert list(asked.kinds) == [features_pb2.VECTOR_KIND_FMA]
    assert asked.path_mappings[0].to_prefix == "/mnt"


def test_an_error_of_the_audio_keeps_the_reason_that_features_gave(trained: System) -> None:
    refusal = TooShort("3.0 s are too short; 5 s are needed")
    trained.features.refusals["/music/short.wav"] = refusal
    with pytest.raises(grpc.RpcError) as caught:
        trained.classify(path="/music/short.wav")
    error = refused(caught.value)
    assert (error.code, error.reason, error.domain) == (
        grpc.StatusCode.INVALID_ARGUMENT, "TOO_SHORT", "reclass.features",
    )  # fmt: skip
    assert error.permanent
    assert error.message == str(refusal)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (messages.ClassifyTrackRequest(), "AUDIO_REQUIRED"),
        (
            messages.ClassifyTrackRequest(
                vectors=[features_pb2.Vector(kind=1, version="test/1", values=packed([0.0] * 517))]
            ),
            "VECTOR_INVALID",
        ),
        (
            messages.ClassifyTrackRequest(
                vectors=[features_pb2.Vector(kind=1, version="another", values=packed([0.0] * 518))]
            ),
            "VECTOR_INVALID",
        ),
    ],
)
def test_what_cannot_be_classified_is_refused_for_good(
    trained: System, request_: messages.ClassifyTrackRequest, reason: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        trained.stub.ClassifyTrack(request_)
    error = refused(caught.value)
    assert (error.reason, error.domain, error.permanent) == (reason, "reclass.inference", True)


def one_genre(library: SyntheticLibrary) -> Iterator[messages.TrainRequest]:
    for request in training(library):
        if request.HasField("song"):
            request.song.genre = "Jazz"
        yield request


def a_short_vector(library: SyntheticLibrary) -> Iterator[messages.TrainRequest]:
    for request in training(library):
        if request.song.song_id == "song 30":
            vector = request.song.vectors[0]
            vector.values = vector.values[:-4]
        yield request


def no_options(library: SyntheticLibrary) -> Iterator[messages.TrainRequest]:
    requests = training(library)
    next(requests)
    yield from requests


@pytest.mark.parametrize(
    ("songs", "reason"),
    [
        (one_genre, "TOO_FEW_GENRES"),
        (a_short_vector, "VECTOR_INVALID"),
        (no_options, "INVALID_REQUEST"),
    ],
)
def test_a_training_that_fails_leaves_the_version_in_service(
    trained: System, library: SyntheticLibrary, songs: object, reason: str
) -> None:
    before = trained.version()
    with pytest.raises(grpc.RpcError) as caught:
        trained.train(songs(library))  # type: ignore[operator]  # parametrised functions are objects to mypy
    assert refused(caught.value).reason == reason
    assert trained.version() == before
    assert trained.classify(fma(library, 0)).model_version == before


def test_one_training_at_a_time_and_one_given_up_makes_room_for_the_next(
    trained: System, library: SyntheticLibrary
) -> None:
    before = trained.version()
    running = trained.stub.Train(training(library), timeout=120)
    next(running)
    with pytest.raises(grpc.RpcError) as caught:
        trained.train(training(library))
    error = refused(caught.value)
    assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "TRAINING_RUNNING")
    running.cancel()
    assert trained.version() == before
    assert train_when_free(trained, library).model_version == trained.version() != before


@pytest.mark.thorough
def test_a_caller_that_gives_up_as_the_new_version_comes_keeps_the_old_one(
    trained: System, library: SyntheticLibrary
) -> None:
    before = trained.version()
    running = trained.stub.Train(training(library), timeout=60)
    for answer in running:
        if answer.progress.fraction == 1.0:
            break
    new = trained.triton.repository / "genre_fma" / str(version_number(before) + 1)
    deadline = time.monotonic() + 20
    while not new.exists() and time.monotonic() < deadline:
        time.sleep(0.001)  # between two looks at the condition
    running.cancel()
    after = train_when_free(trained, library).model_version
    assert version_number(after) == version_number(before) + 1


def version_number(version: str) -> int:
    return int(version.split("/")[1])


def train_when_free(system: System, library: SyntheticLibrary) -> messages.StageReport:
    """Try as long as the training that was given up is being cleared away."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return system.train(training(library))[-1].report.stages[0]
        except grpc.RpcError as error:
            if refused(error).reason != "TRAINING_RUNNING" or time.monotonic() > deadline:
                raise
            time.sleep(0.05)  # between two looks at the condition
