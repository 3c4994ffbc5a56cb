"""The tokens of other programs: handed over by the portal, kept by fingerprint, and revoked at once."""

import queue
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import pytest
from features_stand_in import FeaturesStandIn
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from inference.__main__ import build
from inference.rpc.callers import FILE, Callers
from inference.rpc.rights import MAY_CALL
from inference.settings import InferenceSettings
from inference_system import NAME
from reclass.features.v1 import features_pb2, features_pb2_grpc
from reclass.inference.v1 import inference_pb2 as pb
from reclass.inference.v1 import inference_pb2_grpc
from runtime.channel import open_channel
from runtime.errors import RemoteError
from runtime.rights import Rights, Role, fingerprint
from runtime.testing import connected, running_server
from runtime.triton import Triton
from waiting import until

PORTAL = "of-the-portal"
ENDS_SECONDS = 10.0
"""After a revocation, by when its caller has nothing open any more."""


@dataclass(frozen=True)
class Ask:
    """How to ask the service on a port with a token: the error, or None."""

    port: int

    def __call__(self, token: str, method: str, request: object, seconds: float = 20) -> RemoteError | None:
        with open_channel(f"127.0.0.1:{self.port}", token=token, timeout_seconds=seconds) as channel:
            try:
                answer = getattr(inference_pb2_grpc.InferenceServiceStub(channel), method)(request)
                if isinstance(answer, Iterator):
                    list(answer)
            except grpc.RpcError as error:
                return RemoteError.from_rpc(error)
        return None


def caller(token: str, role: int = pb.CALLER_ROLE_CALLER) -> pb.Caller:
    return pb.Caller(name=token, role=role, token_sha256=bytes.fromhex(fingerprint(token)))  # type: ignore[arg-type]


def reason_of(error: RemoteError | None) -> str:
    return error.reason if error else ""


@contextmanager
def service(
    folder: Path | None, *, features: FeaturesStandIn | None = None, **settings: Any
) -> Iterator[Ask]:
    """A service without Triton, as after a start, and how to ask it with a token."""
    callers = Callers(folder)
    rights = Rights({NAME: MAY_CALL}, {Role.PORTAL: PORTAL}, callers.role_of)
    triton = Triton("127.0.0.1:1")
    with ExitStack() as stack:
        stack.callback(triton.close)
        channel = stack.enter_context(connected((features or FeaturesStandIn()).services()))
        servicer = build(
            InferenceSettings(
                folder=folder, model_repository=folder / "models" if folder else Path(), **settings
            ),
            triton=triton,
            features=features_pb2_grpc.FeatureServiceStub(channel),
            callers=callers,
        )
        register = partial(inference_pb2_grpc.add_InferenceServiceServicer_to_server, servicer)
        server = stack.enter_context(running_server({NAME: register}, rights=rights))

        yield Ask(server.port)


def set_callers(ask: Ask, *callers: pb.Caller) -> RemoteError | None:
    return ask(PORTAL, "SetCallers", pb.SetCallersRequest(callers=callers))


def test_a_handed_over_token_calls_until_it_is_revoked(tmp_path: Path) -> None:
    status = pb.GetStatusRequest()
    with service(tmp_path) as ask:
        assert set_callers(ask, caller("radio"), caller("trainer", pb.CALLER_ROLE_OPERATOR)) is None
        assert ask("radio", "GetStatus", status) is None
        denied = ask("radio", "PromoteModel", pb.PromoteModelRequest(name="model-1"))
        assert denied is not None
        assert (denied.code, denied.reason) == (grpc.StatusCode.PERMISSION_DENIED, "OPERATOR_REQUIRED")
        asked = ask("trainer", "PromoteModel", pb.PromoteModelRequest(name="model-1"))
        assert asked is not None
        assert asked.reason == "MODEL_UNKNOWN"
        assert set_callers(ask, caller("trainer", pb.CALLER_ROLE_OPERATOR)) is None
        revoked = ask("radio", "GetStatus", status)
        assert revoked is not None
        assert (revoked.code, revoked.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


def test_a_revoked_token_goes_on_in_no_stream_that_is_open(tmp_path: Path) -> None:
    """A stream may last for days."""
    more: queue.SimpleQueue[pb.ClassifyTracksRequest | None] = queue.SimpleQueue()
    with (
        service(tmp_path) as ask,
        open_channel(f"127.0.0.1:{ask.port}", token="radio", timeout_seconds=30) as channel,
    ):
        set_callers(ask, caller("radio"))
        answers = inference_pb2_grpc.InferenceServiceStub(channel).ClassifyTracks(iter(more.get, None))
        more.put(pb.ClassifyTracksRequest(key="before"))
        assert next(answers).key == "before"
        set_callers(ask, caller("another"))
        more.put(pb.ClassifyTracksRequest(key="after"))
        error = refused_within(ENDS_SECONDS, answers)
        more.put(None)
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


def test_a_revoked_token_ends_a_corpus_that_is_being_sent(tmp_path: Path) -> None:
    """Nothing is learned from what had arrived of it by then."""
    more: queue.SimpleQueue[pb.EvaluateRequest | None] = queue.SimpleQueue()
    with (
        service(tmp_path) as ask,
        open_channel(f"127.0.0.1:{ask.port}", token="trainer", timeout_seconds=30) as channel,
    ):
        set_callers(ask, caller("trainer", pb.CALLER_ROLE_OPERATOR))
        events = inference_pb2_grpc.InferenceServiceStub(channel).Evaluate(iter(more.get, None))
        more.put(pb.EvaluateRequest(options=pb.EvaluateOptions()))
        set_callers(ask)
        song = pb.TrainingSong(song_id="1", genre="Jazz")
        one = pb.EvaluateRequest(song=pb.EvaluationSong(song=song, part=pb.SPLIT_PART_TRAINING))
        until(lambda: more.put(one) or not events.is_active())
        with pytest.raises(grpc.RpcError) as caught:
            next(events)
        more.put(None)
    assert RemoteError.from_rpc(caught.value).reason == "TOKEN_INVALID"


@contextmanager
def streams_of(ask: Ask, token: str) -> Iterator[tuple[inference_pb2_grpc.InferenceServiceStub, Event]]:
    """A connection of a caller, and an event that ends the waiting of all that it sends."""
    never = Event()
    with open_channel(f"127.0.0.1:{ask.port}", token=token, timeout_seconds=120) as channel:
        try:
            yield inference_pb2_grpc.InferenceServiceStub(channel), never
        finally:
            never.set()


def refused_within(seconds: float, call: grpc.Call) -> RemoteError:
    """What a stream that is open ends with, in so many seconds."""
    started = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        list(call)  # type: ignore[call-overload] # what was answered before
    assert time.monotonic() - started < seconds
    return RemoteError.from_rpc(caught.value)


def test_an_idle_stream_of_a_revoked_caller_makes_room_for_another(tmp_path: Path) -> None:
    with service(tmp_path, max_streams=1) as ask, streams_of(ask, "radio") as (stub, never):
        set_callers(ask, caller("radio"), caller("friend"))
        idle = []

        def has_the_only_place() -> bool:
            if not idle or not idle[-1].is_active():  # it came while the friend had it
                idle.append(stub.ClassifyTracks(iter(never.wait, True)))
            return ask("friend", "ClassifyTracks", iter(())) is not None and idle[-1].is_active()

        until(has_the_only_place)
        set_callers(ask, caller("friend"))
        error = refused_within(ENDS_SECONDS, idle[-1])
        assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")
        until(lambda: ask("friend", "ClassifyTracks", iter(())) is None)


def test_a_corpus_that_a_revoked_operator_never_ends_makes_room_for_another(tmp_path: Path) -> None:
    with service(tmp_path) as ask, streams_of(ask, "trainer") as (stub, never):
        roles = [caller(name, pb.CALLER_ROLE_OPERATOR) for name in ("trainer", "friend")]
        set_callers(ask, *roles)
        options = pb.EvaluateRequest(options=pb.EvaluateOptions())
        idle = []

        def is_at_it() -> bool:
            if not idle or not idle[-1].is_active():  # it came while the friend was
                idle.append(stub.Evaluate(chain([options], iter(never.wait, True))))
            return (
                reason_of(ask("friend", "Evaluate", iter([options]))) == "TRAINING_RUNNING"
                and idle[-1].is_active()
            )

        until(is_at_it)
        set_callers(ask, roles[1])
        until(lambda: not idle[-1].is_active(), ENDS_SECONDS)
        until(lambda: reason_of(ask("friend", "Evaluate", iter([options]))) == "TOO_FEW_SONGS")


def test_a_stream_of_reflection_ends_with_its_token_too(tmp_path: Path) -> None:
    with service(tmp_path) as ask:
        set_callers(ask, caller("radio"))
        never = Event()
        with open_channel(f"127.0.0.1:{ask.port}", token="radio", timeout_seconds=120) as channel:
            reflected = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
                chain(
                    [reflection_pb2.ServerReflectionRequest(list_services="")],
                    iter(never.wait, True),
                )
            )
            watched = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            assert next(reflected).list_services_response.service
            assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
            set_callers(ask)
            until(lambda: not reflected.is_active() and not watched.is_active(), ENDS_SECONDS)
            never.set()


def test_half_sent_calls_that_hold_every_thread_hold_up_no_revocation_and_end_with_it(tmp_path: Path) -> None:
    """A call whose request never arrives whole has a thread until its end."""
    with (
        service(tmp_path) as ask,
        open_channel(f"127.0.0.1:{ask.port}", token="radio", timeout_seconds=60) as channel,
    ):
        set_callers(ask, caller("radio"), caller("friend"))
        never = Event()
        half = channel.stream_unary(f"/{NAME}/ClassifyTrack")
        begun = [half.future(iter(never.wait, True)) for _ in range(40)]
        until(lambda: ask("friend", "GetStatus", pb.GetStatusRequest(), 0.5) is not None)
        assert set_callers(ask, caller("friend")) is None
        assert reason_of(ask("radio", "GetStatus", pb.GetStatusRequest())) == "TOKEN_INVALID"
        until(lambda: all(each.done() for each in begun), ENDS_SECONDS)
        assert ask("friend", "GetStatus", pb.GetStatusRequest(), 5) is None
        never.set()


def test_a_song_that_is_worked_on_for_a_revoked_caller_is_given_up(tmp_path: Path) -> None:
    features = FeaturesStandIn()
    features.held["/slow.mp3"] = Event()
    with service(tmp_path, features=features) as ask:
        set_callers(ask, caller("radio"))
        request = pb.ClassifyTrackRequest(audio=features_pb2.AudioReference(path="/slow.mp3"))
        with open_channel(f"127.0.0.1:{ask.port}", token="radio", timeout_seconds=120) as channel:
            song = inference_pb2_grpc.InferenceServiceStub(channel).ClassifyTrack.future(request)
            until(lambda: features.requests)
            set_callers(ask)
            until(lambda: features.given_up, ENDS_SECONDS)
            until(song.done)
            error = RemoteError.from_rpc(song.exception())
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


def test_a_song_takes_up_the_room_of_all_that_was_sent_of_it(tmp_path: Path) -> None:
    """Whatever part of it is long: who takes no answers shall not fill the memory with keys."""
    sent: list[int] = []

    def songs() -> Iterator[pb.ClassifyTracksRequest]:
        for number in range(300):
            sent.append(number)
            yield pb.ClassifyTracksRequest(key="k" * 300_000)

    with (
        service(tmp_path, max_content_bytes=1024 * 1024) as ask,
        open_channel(f"127.0.0.1:{ask.port}", token="radio", timeout_seconds=60) as channel,
    ):
        set_callers(ask, caller("radio"))
        answers = inference_pb2_grpc.InferenceServiceStub(channel).ClassifyTracks(songs())
        seen = -1
        while seen != len(sent):  # until no more are taken; buffers on the way hold some
            seen = len(sent)
            threading.Event().wait(2)
        answers.cancel()
    assert 0 < seen < 150


def test_ten_thousand_tokens_are_handed_over_and_one_of_them_is_revoked(tmp_path: Path) -> None:
    """Were they more than a message takes, a revocation would never be told."""
    many = [caller("n" * 50 + str(number)) for number in range(10_000)]
    with service(tmp_path) as ask:
        assert set_callers(ask, caller("radio"), *many) is None
        assert ask("radio", "GetStatus", pb.GetStatusRequest()) is None
        assert set_callers(ask, *many) is None
        assert reason_of(ask("radio", "GetStatus", pb.GetStatusRequest())) == "TOKEN_INVALID"


@pytest.mark.parametrize("role", [pb.CALLER_ROLE_CALLER, pb.CALLER_ROLE_OPERATOR])
def test_only_the_portal_says_who_may_call(tmp_path: Path, role: int) -> None:
    with service(tmp_path) as ask:
        assert set_callers(ask, caller("radio", role)) is None
        denied = ask("radio", "SetCallers", pb.SetCallersRequest(callers=[caller("friend")]))
    assert denied is not None
    assert denied.reason == "INTERNAL_ONLY"


def test_a_restarted_service_knows_them_and_keeps_no_token(tmp_path: Path) -> None:
    folder = tmp_path / "inference"
    with service(folder) as ask:
        set_callers(ask, caller("radio"))
    kept = folder / FILE
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "radio" not in kept.read_text()
    with service(folder) as ask:
        assert ask("radio", "GetStatus", pb.GetStatusRequest()) is None


@pytest.mark.parametrize("kept", ["", "[]", "{", '{"radio": "caller"}', f'{{"{"0" * 64}": "portal"}}'])
def test_a_damaged_file_lets_nobody_in_and_is_replaced(tmp_path: Path, kept: str) -> None:
    (tmp_path / FILE).write_text(kept)
    callers = Callers(tmp_path)
    assert callers.role_of("0" * 64) is None
    callers.take({fingerprint("radio"): Role.CALLER})
    assert Callers(tmp_path).role_of(fingerprint("radio")) is Role.CALLER


def test_a_revocation_holds_where_it_cannot_be_kept(tmp_path: Path) -> None:
    folder = tmp_path / "a file"
    folder.touch()
    with service(folder) as ask:
        for _ in range(2):
            error = set_callers(ask, caller("radio"))
            assert error is not None
            assert error.reason == "FOLDER_UNWRITABLE"
        assert ask("radio", "GetStatus", pb.GetStatusRequest()) is None
        set_callers(ask)
        revoked = ask("radio", "GetStatus", pb.GetStatusRequest())
        assert revoked is not None
        assert revoked.reason == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "wrong", [pb.Caller(name="a", role=pb.CALLER_ROLE_CALLER), pb.Caller(name="a", token_sha256=b"1" * 32)]
)
def test_a_caller_without_role_or_fingerprint_is_refused(tmp_path: Path, wrong: pb.Caller) -> None:
    with service(tmp_path) as ask:
        error = set_callers(ask, wrong)
    assert error is not None
    assert error.reason == "INVALID_REQUEST"
