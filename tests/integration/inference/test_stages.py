"""Two trained stages and what becomes of a song when the second one's vector is or is not to be had."""

from collections.abc import Iterator

import pytest
from inference_system import System, running_system
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2 as messages
from synthetic_library import SyntheticLibrary, synthetic_library
from triton_server import triton_server
from wire import packed

FMA, MERT = features_pb2.VECTOR_KIND_FMA, features_pb2.VECTOR_KIND_MERT
PATH = "/music/song.flac"
# No confidence reaches it, so that the second stage is always asked.
NEVER_SURE = messages.ClassifyOptions(stage_thresholds=[1.0])


@pytest.fixture(scope="module")
def both() -> SyntheticLibrary:
    """Songs whose first 518 values are taken for FMA and the other 768 for MERT."""
    return synthetic_library(seed=31, genres=4, width=518 + 768, wrong=4)


def vectors(library: SyntheticLibrary, song: int) -> dict[int, features_pb2.Vector]:
    values = library.vectors[song]
    return {
        FMA: features_pb2.Vector(kind=FMA, version="test/1", values=packed(values[:518])),
        MERT: features_pb2.Vector(kind=MERT, version="test/1", values=packed(values[518:])),
    }


def training(library: SyntheticLibrary) -> Iterator[messages.TrainRequest]:
    yield messages.TrainRequest(options=messages.TrainOptions(seed=1))
    for song, label in enumerate(library.labels):
        message = messages.TrainingSong(
            song_id=str(song), genre=library.genres[label], artist=str(library.artists[song])
        )
        message.vectors.extend(vectors(library, song).values())
        yield messages.TrainRequest(song=message)


@pytest.fixture(scope="module")
def two_stages(tmp_path_factory: pytest.TempPathFactory, both: SyntheticLibrary) -> Iterator[System]:
    with triton_server(tmp_path_factory.mktemp("triton")) as server, running_system(server) as running:
        running.first_training = running.train(training(both))
        values = both.vectors[0]
        running.features.audio[PATH] = {FMA: values[:518], MERT: values[518:]}
        yield running


@pytest.fixture
def system(two_stages: System) -> System:
    two_stages.features.missing = ()
    two_stages.features.requests.clear()
    return two_stages


def ask(system: System, *sent: features_pb2.Vector) -> messages.ClassifyTrackResponse:
    audio = features_pb2.AudioReference(path=PATH)
    return system.stub.ClassifyTrack(
        messages.ClassifyTrackRequest(audio=audio, vectors=sent, options=NEVER_SURE)
    )


def test_songs_with_both_vectors_train_both_stages(system: System) -> None:
    report = system.first_training[-1].report
    assert [stage.model_version for stage in report.stages] == ["genre_fma/1", "genre_fma_mert/1"]
    predictions = [answer.out_of_fold for answer in system.first_training if answer.HasField("out_of_fold")]
    assert all([verdict.stage for verdict in prediction.verdicts] == [1, 2] for prediction in predictions)
    assert list(predictions[0].verdicts[1].feature_versions) == ["test/1", "test/1"]
    status = system.stub.GetStatus(messages.GetStatusRequest())
    assert [stage.ready for stage in status.stages] == [True, True, False]


def test_an_unsure_first_stage_has_only_the_second_vector_computed(
    system: System, both: SyntheticLibrary
) -> None:
    answer = ask(system, vectors(both, 0)[FMA])
    assert [verdict.stage for verdict in answer.verdicts] == [1, 2]
    assert (answer.deciding_stage, answer.model_version) == (2, "genre_fma_mert/1")
    assert [list(each.feature_versions) for each in answer.verdicts] == [["test/1"], ["test/1", "test/1"]]
    assert [vector.kind for vector in answer.vectors] == [MERT]
    assert [list(request.kinds) for request in system.features.requests] == [[MERT]]


def test_all_vectors_sent_need_no_audio(system: System, both: SyntheticLibrary) -> None:
    request = messages.ClassifyTrackRequest(vectors=vectors(both, 0).values(), options=NEVER_SURE)
    assert system.stub.ClassifyTrack(request).deciding_stage == 2
    assert system.features.requests == []


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
        features_pb2.MissingVector(kind=MERT, permanent=permanent, message="the card is busy")
    ]
    answer = ask(system)
    assert (answer.outcome, answer.deciding_stage) == (outcome, 1)
    assert answer.provisional_reason == reason
    assert answer.genre == answer.verdicts[0].top[0].genre


def test_in_a_stream_the_second_stage_is_asked_only_for_the_songs_that_were_unsure(
    system: System, both: SyntheticLibrary
) -> None:
    sure = messages.ClassifyOptions(stage_thresholds=[0.0])
    requests = [
        messages.ClassifyTracksRequest(
            key=f"{song} {name}",
            track=messages.ClassifyTrackRequest(vectors=vectors(both, song).values(), options=options),
        )
        for song in range(20)
        for name, options in (("sure", sure), ("unsure", NEVER_SURE))
    ]
    answers = {answer.key: answer.classification for answer in system.stub.ClassifyTracks(iter(requests))}
    for request in requests:
        alone = system.stub.ClassifyTrack(request.track)
        told = answers[request.key]
        assert (told.genre, told.deciding_stage) == (alone.genre, alone.deciding_stage)
        assert told.deciding_stage == (1 if request.key.endswith(" sure") else 2)


def test_in_a_stream_what_is_sent_is_classified_and_only_the_rest_is_extracted(
    system: System, both: SyntheticLibrary
) -> None:
    audio = features_pb2.AudioReference(path=PATH)
    track = messages.ClassifyTrackRequest(audio=audio, vectors=[vectors(both, 0)[FMA]], options=NEVER_SURE)
    (answer,) = system.stub.ClassifyTracks(iter([messages.ClassifyTracksRequest(key="a", track=track)]))
    assert answer.classification.deciding_stage == 2
    assert [list(request.kinds) for request in system.features.requests] == [[MERT]]


def test_excerpt_and_compute_options_are_handed_on_to_features(system: System) -> None:
    options = messages.ClassifyOptions(
        excerpt=features_pb2.EXCERPT_FIRST_30S,
        compute=features_pb2.ComputeOptions(device=features_pb2.DEVICE_CPU, batch_size=7),
    )
    audio = features_pb2.AudioReference(path=PATH)
    system.stub.ClassifyTrack(messages.ClassifyTrackRequest(audio=audio, options=options))
    assert system.features.requests[0].excerpt == features_pb2.EXCERPT_FIRST_30S
    assert system.features.requests[0].compute == options.compute
