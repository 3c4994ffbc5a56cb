"""A part that is down costs its callers seconds, and they are told which part it is."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
import pytest
from features.rights import MAY_CALL
from features_stand_in import NAME as FEATURES
from features_stand_in import FeaturesStandIn
from inference_system import System, fma, running_system
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2 as messages
from runtime.errors import RemoteError
from runtime.rights import Rights, Role
from runtime.server import Server
from synthetic_library import SyntheticLibrary
from waiting import until

pytestmark = pytest.mark.outages
AT_ONCE_SECONDS = 5.0
PATH = "/music/a.flac"


@contextmanager
def answered_within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def by_path(**options: object) -> messages.ClassifyTrackRequest:
    audio = features_pb2.AudioReference(path=PATH)
    return messages.ClassifyTrackRequest(audio=audio, options=messages.ClassifyOptions(**options))


def error_of(call: Callable[[], object]) -> RemoteError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return RemoteError.from_rpc(caught.value)


@pytest.fixture
def deaf(trained: System, unused_port: int) -> Iterator[System]:
    """The trained models, and nobody where features should be."""
    with running_system(trained.triton, features_target=f"127.0.0.1:{unused_port}") as running:
        yield running


def test_without_features_a_song_by_path_is_refused_at_once_and_by_name(deaf: System) -> None:
    with answered_within(AT_ONCE_SECONDS):
        error = error_of(lambda: deaf.stub.ClassifyTrack(by_path(), timeout=120))
    assert (error.code, error.reason, error.domain, error.permanent) == (
        grpc.StatusCode.UNAVAILABLE, "FEATURES_UNAVAILABLE", "reclass.inference", False,
    )  # fmt: skip
    assert "features service" in error.message
    assert "start it" in error.message


def test_without_features_a_stream_says_so_of_each_song_by_path_and_classifies_the_others(
    deaf: System, library: SyntheticLibrary
) -> None:
    requests = [
        *(messages.ClassifyTracksRequest(key=f"path {n}", track=by_path()) for n in range(20)),
        messages.ClassifyTracksRequest(
            key="vectors", track=messages.ClassifyTrackRequest(vectors=[fma(library, 0)])
        ),
    ]
    with answered_within(2 * AT_ONCE_SECONDS):
        answers = {each.key: each for each in deaf.stub.ClassifyTracks(iter(requests), timeout=120)}
    assert answers.pop("vectors").classification.genre
    assert {each.error.reason for each in answers.values()} == {"FEATURES_UNAVAILABLE"}
    assert len(answers) == 20


def test_a_features_that_takes_connections_and_says_nothing_is_not_waited_for(trained: System) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        running_system(trained.triton, features_target=f"127.0.0.1:{silent.getsockname()[1]}") as running,
        answered_within(15),
    ):
        error = error_of(lambda: running.stub.ClassifyTrack(by_path(), timeout=120))
    assert error.reason == "FEATURES_UNAVAILABLE"


def test_who_says_that_it_waits_for_features_gets_its_answer_when_features_is_back(
    trained: System, library: SyntheticLibrary, unused_port: int
) -> None:
    features = FeaturesStandIn()
    features.audio[PATH] = {1: library.vectors[3]}
    with running_system(trained.triton, features_target=f"127.0.0.1:{unused_port}") as running:
        call = running.stub.ClassifyTrack.future(by_path(wait_for_features=True), timeout=60)
        # Somebody who does not wait is told meanwhile: then the first one has been waiting for that long as well.
        assert error_of(lambda: running.stub.ClassifyTrack(by_path())).reason == "FEATURES_UNAVAILABLE"
        assert not call.done()
        server = Server(services=features.services(), port=unused_port)
        server.start()
        assert call.result().genre
        server.stop(0)


def test_a_features_that_is_started_again_serves_callers_that_do_not_wait(
    trained: System, library: SyntheticLibrary, unused_port: int
) -> None:
    features = FeaturesStandIn()
    features.audio[PATH] = {1: library.vectors[3]}
    with running_system(trained.triton, features_target=f"127.0.0.1:{unused_port}") as running:
        for _ in range(2):
            server = Server(services=features.services(), port=unused_port)
            server.start()
            until(lambda: answered(running))
            server.stop(0)
            assert error_of(lambda: running.stub.ClassifyTrack(by_path())).reason == "FEATURES_UNAVAILABLE"


def answered(system: System) -> bool:
    try:
        return bool(system.stub.ClassifyTrack(by_path()).genre)
    except grpc.RpcError:
        return False


def test_a_caller_whose_time_runs_out_while_features_listens_is_told_what_took_so_long(
    trained: System, library: SyntheticLibrary
) -> None:
    with running_system(trained.triton) as running:
        gate = until_released(running, library)
        error = error_of(lambda: running.stub.ClassifyTrack(by_path(), timeout=1.5))
        gate()
    assert (error.code, error.reason, error.domain) == (
        grpc.StatusCode.DEADLINE_EXCEEDED, "FEATURES_TIMED_OUT", "reclass.inference",
    )  # fmt: skip


def until_released(system: System, library: SyntheticLibrary) -> Callable[[], None]:
    """Have features hold its answer until the function that is given back is called."""
    system.features.audio[PATH] = {1: library.vectors[3]}
    gate = system.features.held[PATH] = threading.Event()
    return gate.set


def test_a_features_that_asks_for_another_token_is_not_taken_for_the_callers_fault(trained: System) -> None:
    features = FeaturesStandIn()
    rights = Rights({FEATURES: MAY_CALL}, {Role.INFERENCE: "another one"})
    server = Server(services=features.services(), rights=rights)
    server.start()
    with running_system(trained.triton, features_target=f"127.0.0.1:{server.port}") as running:
        error = error_of(lambda: running.stub.ClassifyTrack(by_path()))
    server.stop(0)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FEATURES_REFUSED")
    assert "INFERENCE_FEATURES_TOKEN" in error.message


def test_without_triton_a_song_is_refused_at_once_and_by_name(
    trained: System, library: SyntheticLibrary
) -> None:
    trained.triton.kill()
    try:
        with answered_within(AT_ONCE_SECONDS):
            error = error_of(lambda: trained.classify(fma(library, 0)))
    finally:
        trained.triton.start()
    assert (error.code, error.reason, error.domain) == (
        grpc.StatusCode.UNAVAILABLE, "TRITON_UNAVAILABLE", "reclass.inference",
    )  # fmt: skip
