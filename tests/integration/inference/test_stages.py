"""Trained stages, whatever their embeddings are called, and a song of which a later one's vector is or is not there."""

from collections.abc import Iterator

import grpc
import numpy as np
import pytest
from inference_system import System, running_system
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2 as messages
from runtime.errors import RemoteError
from synthetic_library import SyntheticLibrary, synthetic_library
from triton_server import triton_server
from wire import packed

FMA, SECOND, THIRD = features_pb2.VECTOR_KIND_FMA, features_pb2.VECTOR_KIND_MUSICNN, 1000
ENDS = {FMA: 518, SECOND: 768, THIRD: 864}
"""Where each kind's values end among those of the library."""
PATH = "/music/song.flac"
# No confidence reaches them, so that every stage is asked.
NEVER_SURE = messages.ClassifyOptions(stage_thresholds=[1.0, 1.0])


@pytest.fixture(scope="module")
def both() -> SyntheticLibrary:
    """Songs with 518 values for FMA, 250 for an embedding, and 96 for one that the contract does not name."""
    return synthetic_library(seed=31, genres=4, width=ENDS[THIRD], separation=0.6, wrong=4)


def values(library: SyntheticLibrary, song: int) -> dict[int, np.ndarray]:
    return dict(zip(ENDS, np.split(library.vectors[song], list(ENDS.values())[:-1]), strict=True))


def vectors(library: SyntheticLibrary, song: int, *kinds: int) -> list[features_pb2.Vector]:
    return [
        features_pb2.Vector(kind=kind, version="test/1", values=packed(own))  # type: ignore[arg-type] # any number
        for kind, own in values(library, song).items()
        if kind in kinds
    ]


def training(
    library: SyntheticLibrary, *embeddings: int, **options: object
) -> Iterator[messages.TrainRequest]:
    yield messages.TrainRequest(options=messages.TrainOptions(seed=1, embeddings=embeddings, **options))
    for song, label in enumerate(library.labels):
        message = messages.TrainingSong(
            song_id=str(song), genre=library.genres[label], artist=str(library.artists[song])
        )
        message.vectors.extend(vectors(library, song, *ENDS))
        yield messages.TrainRequest(song=message)


@pytest.fixture(scope="module")
def three_stages(tmp_path_factory: pytest.TempPathFactory, both: SyntheticLibrary) -> Iterator[System]:
    with triton_server(tmp_path_factory.mktemp("triton")) as server, running_system(server) as running:
        running.first_training = running.train(training(both))
        running.features.audio[PATH] = values(both, 0)
        yield running


@pytest.fixture
def system(three_stages: System) -> System:
    three_stages.features.missing = ()
    three_stages.features.requests.clear()
    return three_stages


def ask(system: System, *sent: features_pb2.Vector) -> messages.ClassifyTrackResponse:
    audio = features_pb2.AudioReference(path=PATH)
    return system.stub.ClassifyTrack(
        messages.ClassifyTrackRequest(audio=audio, vectors=sent, options=NEVER_SURE)
    )


HEADS = ["genre_fma/1", "genre_fma_musicnn/1", "genre_fma_musicnn_kind1000/1"]


def test_songs_with_all_vectors_train_all_stages(system: System) -> None:
    report = system.first_training[-1].report
    assert [stage.model_version for stage in report.stages] == HEADS
    assert [list(stage.kinds) for stage in report.stages] == [[FMA], [FMA, SECOND], [FMA, SECOND, THIRD]]
    assert not report.skipped_embeddings
    predictions = [answer.out_of_fold for answer in system.first_training if answer.HasField("out_of_fold")]
    assert all([verdict.stage for verdict in prediction.verdicts] == [1, 2, 3] for prediction in predictions)
    assert list(predictions[0].verdicts[1].feature_versions) == ["test/1", "test/1"]
    assert [verdict.threshold for verdict in predictions[0].verdicts] == [0.8, 0.7, 0.0]


def test_an_embedding_that_no_song_has_is_left_out_and_the_report_says_so(
    system: System, both: SyntheticLibrary
) -> None:
    mert = features_pb2.VECTOR_KIND_MERT
    report = system.train(training(both, mert, SECOND, promotion=messages.PROMOTION_NEVER))[-1].report
    assert [head.split("/")[0] for head in report.model.heads] == ["genre_fma", "genre_fma_musicnn"]
    (skipped,) = report.skipped_embeddings
    assert (skipped.kind, bool(skipped.reason)) == (mert, True)
    kept = system.stub.GetModel(messages.GetModelRequest(name=report.model.name)).report
    assert list(kept.skipped_embeddings) == [skipped]


def test_the_report_says_what_each_stage_adds_to_the_one_before(system: System) -> None:
    first, second, third = system.first_training[-1].report.stages
    assert not first.HasField("added")
    for before, after in ((first, second), (second, third)):
        assert after.added.songs == after.held_out_songs
        difference = after.held_out_accuracy - before.held_out_accuracy
        assert after.added.accuracy == pytest.approx(difference)
        assert after.added.accuracy_low <= difference <= after.added.accuracy_high


def test_the_stages_of_the_model_in_service_are_told_by_their_kinds(system: System) -> None:
    status = system.stub.GetStatus(messages.GetStatusRequest())
    assert [stage.model_version for stage in status.stages] == HEADS
    assert all(stage.ready for stage in status.stages)
    assert [list(stage.kinds) for stage in status.stages] == [[FMA], [FMA, SECOND], [FMA, SECOND, THIRD]]


def test_an_unsure_first_stage_has_only_the_later_vectors_computed_that_are_not_sent(
    system: System, both: SyntheticLibrary
) -> None:
    answer = ask(system, *vectors(both, 0, FMA, THIRD))
    assert [verdict.stage for verdict in answer.verdicts] == [1, 2, 3]
    assert (answer.deciding_stage, answer.model_version) == (3, HEADS[2])
    assert list(answer.verdicts[2].feature_versions) == ["test/1"] * 3
    assert [vector.kind for vector in answer.vectors] == [SECOND]
    assert [list(request.kinds) for request in system.features.requests] == [[SECOND]]


def test_all_vectors_sent_need_no_audio(system: System, both: SyntheticLibrary) -> None:
    request = messages.ClassifyTrackRequest(vectors=vectors(both, 0, *ENDS), options=NEVER_SURE)
    assert system.stub.ClassifyTrack(request).deciding_stage == 3
    assert system.features.requests == []


def test_a_vector_that_no_stage_wants_is_ignored_and_one_of_a_wrong_length_is_refused(
    system: System, both: SyntheticLibrary
) -> None:
    sent = vectors(both, 0, *ENDS)
    other = features_pb2.Vector(kind=4711, version="own/1", values=packed(np.ones(12)))  # type: ignore[arg-type]
    request = messages.ClassifyTrackRequest(vectors=[*sent, other], options=NEVER_SURE)
    assert system.stub.ClassifyTrack(request).deciding_stage == 3
    sent[1].values = sent[1].values[:-4]
    with pytest.raises(grpc.RpcError) as caught:
        system.stub.ClassifyTrack(messages.ClassifyTrackRequest(vectors=sent))
    error = RemoteError.from_rpc(caught.value)
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "VECTOR_INVALID")
    assert (
        "the MUSICNN vector has 249 values, and genre_fma_musicnn/1 has learned from ones of 250"
        in error.message
    )


@pytest.mark.parametrize(
    ("permanent", "outcome", "reason"),
    [
        (True, messages.OUTCOME_CLASSIFIED, ""),
        (False, messages.OUTCOME_PROVISIONAL, "stage 2: the card is busy"),
    ],
)
def test_without_the_second_vector_the_first_verdict_stands(
    system: System, permanent: bool, outcome: messages.Outcome.ValueType, reason: str
) -> None:
    system.features.missing = [
        features_pb2.MissingVector(kind=SECOND, permanent=permanent, message="the card is busy")
    ]
    answer = ask(system)
    assert (answer.outcome, answer.deciding_stage) == (outcome, 1)
    assert answer.provisional_reason == reason
    assert answer.genre == answer.verdicts[0].top[0].genre


def test_the_vector_that_was_kept_of_an_embedding_that_is_removed_is_used_all_the_same(
    system: System, both: SyntheticLibrary
) -> None:
    system.features.missing = [
        features_pb2.MissingVector(kind=SECOND, permanent=True, message="it is not installed")
    ]
    kept = ask(system, *vectors(both, 0, FMA, SECOND))
    assert (kept.outcome, kept.deciding_stage) == (messages.OUTCOME_CLASSIFIED, 3)
    without = ask(system, *vectors(both, 0, FMA, THIRD))
    assert (without.outcome, without.deciding_stage) == (messages.OUTCOME_CLASSIFIED, 1)


def test_in_a_stream_later_stages_are_asked_only_for_the_songs_that_were_unsure(
    system: System, both: SyntheticLibrary
) -> None:
    sure = messages.ClassifyOptions(stage_thresholds=[0.0])
    requests = [
        messages.ClassifyTracksRequest(
            key=f"{song} {name}",
            track=messages.ClassifyTrackRequest(vectors=vectors(both, song, *ENDS), options=options),
        )
        for song in range(20)
        for name, options in (("sure", sure), ("unsure", NEVER_SURE))
    ]
    answers = {answer.key: answer.classification for answer in system.stub.ClassifyTracks(iter(requests))}
    for request in requests:
        alone = system.stub.ClassifyTrack(request.track)
        told = answers[request.key]
        assert (told.genre, told.deciding_stage) == (alone.genre, alone.deciding_stage)
        assert told.deciding_stage == (1 if request.key.endswith(" sure") else 3)


def test_in_a_stream_what_is_sent_is_classified_and_only_the_rest_is_extracted(
    system: System, both: SyntheticLibrary
) -> None:
    audio = features_pb2.AudioReference(path=PATH)
    track = messages.ClassifyTrackRequest(audio=audio, vectors=vectors(both, 0, FMA), options=NEVER_SURE)
    (answer,) = system.stub.ClassifyTracks(iter([messages.ClassifyTracksRequest(key="a", track=track)]))
    assert answer.classification.deciding_stage == 3
    assert [list(request.kinds) for request in system.features.requests] == [[SECOND], [THIRD]]


def test_excerpt_and_compute_options_are_handed_on_to_features(system: System) -> None:
    options = messages.ClassifyOptions(
        excerpt=features_pb2.EXCERPT_FIRST_30S,
        compute=features_pb2.ComputeOptions(device=features_pb2.DEVICE_CPU, batch_size=7),
    )
    audio = features_pb2.AudioReference(path=PATH)
    system.stub.ClassifyTrack(messages.ClassifyTrackRequest(audio=audio, options=options))
    assert system.features.requests[0].excerpt == features_pb2.EXCERPT_FIRST_30S
    assert system.features.requests[0].compute == options.compute
