"""A server of the runtime over a real socket: errors, request ids, token, health, restarts."""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from reclass.sync.v1 import sync_pb2, sync_pb2_grpc
from runtime.channel import open_channel
from runtime.errors import RemoteError, ServiceError
from runtime.health import LIVENESS
from runtime.rights import Rights, Role
from runtime.rights import call as may_call
from runtime.server import Server
from runtime.streams import caller_of
from runtime.telemetry import bind_request_id, clear_request_id, request_id
from runtime.testing import connected, running_server
from structlog.testing import capture_logs

NAME = "reclass.sync.v1.SyncService"


class NoSuchTrackError(ServiceError):
    code = grpc.StatusCode.NOT_FOUND
    reason = "TRACK_NOT_FOUND"
    domain = "reclass.sync"


class Servicer(sync_pb2_grpc.SyncServiceServicer):
    def __init__(self, behaviour: Callable[[], Any]) -> None:
        self.behaviour = behaviour
        self.seen: list[str | None] = []

    def CheckServer(self, request: Any, context: Any) -> sync_pb2.CheckServerResponse:
        self.seen.append(request_id())
        return self.behaviour() or sync_pb2.CheckServerResponse(friendly_name="here")

    def ReadAudio(self, request: Any, context: Any) -> Iterator[sync_pb2.ReadAudioResponse]:
        yield sync_pb2.ReadAudioResponse(data=b"1")
        self.behaviour()


def services(behaviour: Callable[[], Any] = lambda: None) -> dict[str, Any]:
    servicer = Servicer(behaviour)
    return {NAME: lambda server: sync_pb2_grpc.add_SyncServiceServicer_to_server(servicer, server)}


def fail_typed() -> None:
    raise NoSuchTrackError("track 7 is not in Plex; sync the library")


def fail_untyped() -> None:
    raise ZeroDivisionError("secret detail")


@contextmanager
def asked_by(answer: Callable[[Any, grpc.ServicerContext], bytes]) -> Iterator[Callable[..., bytes]]:
    """Calls a method that is answered so, over one connection."""

    def register(server: grpc.Server) -> None:
        handler = grpc.unary_unary_rpc_method_handler(answer)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(NAME, {"CheckServer": handler}),)
        )

    with (
        running_server({NAME: register}) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}", options=[("grpc.enable_http_proxy", 0)]) as channel,
    ):
        yield channel.unary_unary(f"/{NAME}/CheckServer")


def call(channel: grpc.Channel) -> sync_pb2.CheckServerResponse:
    return sync_pb2_grpc.SyncServiceStub(channel).CheckServer(sync_pb2.CheckServerRequest())


def test_a_typed_error_arrives_with_code_reason_and_sentence() -> None:
    with connected(services(fail_typed)) as channel, pytest.raises(grpc.RpcError) as caught:
        call(channel)
    error = RemoteError.from_rpc(caught.value)
    assert (error.code, error.reason, error.permanent) == (grpc.StatusCode.NOT_FOUND, "TRACK_NOT_FOUND", True)
    assert error.message == "track 7 is not in Plex; sync the library"


@pytest.mark.parametrize("letter", ["a", "é", "音", "🎵", "%"])
def test_a_sentence_of_any_length_arrives_typed(letter: str) -> None:
    """It travels in the trailers, of which a client takes 8 KiB; a path in it may be as long as somebody wants."""

    def fail() -> None:
        raise NoSuchTrackError(f"there is no {letter * 20_000}")

    with connected(services(fail)) as channel, pytest.raises(grpc.RpcError) as caught:
        call(channel)
    error = RemoteError.from_rpc(caught.value)
    assert (error.code, error.reason, error.permanent) == (grpc.StatusCode.NOT_FOUND, "TRACK_NOT_FOUND", True)
    assert error.message.startswith(f"there is no {letter * 300}")
    assert error.message.endswith("[...]")


def test_an_error_whose_details_do_not_fit_its_code_can_be_read() -> None:
    """As where trailers are too large for the client, or a proxy puts a code of its own."""

    def mixed(_: Any, context: grpc.ServicerContext) -> None:
        context.set_trailing_metadata(NoSuchTrackError("gone").status().trailing_metadata)
        context.abort(grpc.StatusCode.UNAVAILABLE, "the proxy is full")

    def register(server: grpc.Server) -> None:
        handler = grpc.unary_unary_rpc_method_handler(mixed)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(NAME, {"CheckServer": handler}),)
        )

    with connected({NAME: register}) as channel, pytest.raises(grpc.RpcError) as caught:
        call(channel)
    error = RemoteError.from_rpc(caught.value)
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
    assert error.message == "the proxy is full"


def test_an_error_in_a_stream_arrives_typed_after_the_first_answers() -> None:
    with connected(services(fail_typed)) as channel:
        answers = sync_pb2_grpc.SyncServiceStub(channel).ReadAudio(sync_pb2.ReadAudioRequest())
        assert next(answers).data == b"1"
        with pytest.raises(grpc.RpcError) as caught:
            next(answers)
    assert RemoteError.from_rpc(caught.value).reason == "TRACK_NOT_FOUND"


def test_a_bug_answers_internal_without_its_details() -> None:
    with connected(services(fail_untyped)) as channel, pytest.raises(grpc.RpcError) as caught:
        call(channel)
    error = RemoteError.from_rpc(caught.value)
    assert error.code is grpc.StatusCode.INTERNAL
    assert "secret" not in error.message
    assert not error.permanent


def test_the_request_id_travels_to_the_service() -> None:
    seen: list[str | None] = []
    with connected(services(lambda: seen.append(request_id()))) as channel:
        bind_request_id("run-42")
        call(channel)
        clear_request_id()
        call(channel)
    assert seen[0] == "run-42"
    assert seen[1] not in (None, "run-42")


@pytest.mark.parametrize("sent", ["x" * 6000, "x" * 129, ""])
def test_a_request_id_that_nobody_could_log_is_replaced(sent: str) -> None:
    """It comes back in the trailers, stands in every line of the log, and goes along to the other services."""
    seen: list[str | None] = []
    with connected(services(lambda: seen.append(request_id()))) as channel:
        _, made = sync_pb2_grpc.SyncServiceStub(channel).CheckServer.with_call(
            sync_pb2.CheckServerRequest(), metadata=[("x-request-id", sent)]
        )
    (own,) = [value for name, value in made.trailing_metadata() if name == "x-request-id"]
    assert own == seen[0] != sent
    assert len(own) == 32


@pytest.mark.parametrize(("timeout", "limit"), [(None, None), (20, 20), (3e8, 3e8)])
def test_who_waits_without_a_deadline_has_none_and_who_has_one_can_be_waited_for(
    timeout: float | None, limit: float | None
) -> None:
    """gRPC gives a call without one 292,000,000,000 years, which no wait of Python's takes."""
    seen: list[tuple[float | None, float | None]] = []

    def answer(_: Any, context: grpc.ServicerContext) -> bytes:
        with caller_of(context) as caller:
            seen.append((caller.seconds_left(), caller.seconds_for_work()))
        return b""

    with asked_by(answer) as ask:
        ask(b"", timeout=timeout)
    for left in seen[0]:
        assert (left is None) == (limit is None)
        assert left is None or threading.TIMEOUT_MAX > left > 0


def test_a_call_that_was_answered_takes_up_no_stream_of_its_connection() -> None:
    """Which has 256 of them: one that waits for Python's garbage collection is missing until then."""

    def answer(_: Any, context: grpc.ServicerContext) -> bytes:
        with caller_of(context):
            return b"answer"

    gc.collect()
    gc.disable()
    try:
        with asked_by(answer) as ask:
            assert [ask(b"", timeout=20) for _ in range(600)] == [b"answer"] * 600
    finally:
        gc.enable()


def test_a_caller_who_goes_away_is_no_fault_of_the_service(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever looks for a fault looks for lines of level error, and a caller could write a traceback at will."""
    ended = threading.Semaphore(0)

    def answers(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        context.add_callback(ended.release)
        yield b"first"
        ended.acquire()
        context.send_initial_metadata(())  # as a stream does that begins when its caller has gone

    def register(server: grpc.Server) -> None:
        handler = grpc.stream_stream_rpc_method_handler(answers)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(NAME, {"CheckServer": handler}),)
        )

    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    with capture_logs() as lines, connected({NAME: register}) as channel:
        never = threading.Event()
        stream = channel.stream_stream(f"/{NAME}/CheckServer")(_then(b"", never))
        reflected = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            _then(asked, never)
        )
        for call in (stream, reflected):
            next(call)
            call.cancel()
        never.set()
    assert [line for line in lines if line["log_level"] == "error"] == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def _then(message: Any, end: threading.Event) -> Iterator[Any]:
    yield message
    end.wait(20)


def test_a_server_with_a_token_refuses_strangers_and_answers_probes() -> None:
    rights = Rights({NAME: {"CheckServer": may_call(Role.PORTAL)}}, {Role.PORTAL: "sesame"})
    with running_server(services(), rights=rights) as server:
        target = f"127.0.0.1:{server.port}"
        with open_channel(target) as stranger, pytest.raises(grpc.RpcError) as caught:
            call(stranger)
        assert RemoteError.from_rpc(caught.value).code is grpc.StatusCode.UNAUTHENTICATED
        with open_channel(target, token="sesame") as friend:
            assert call(friend).friendly_name == "here"
        with grpc.insecure_channel(target) as probe:
            answer = health_pb2_grpc.HealthStub(probe).Check(health_pb2.HealthCheckRequest(service=NAME))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_call_has_a_deadline_even_when_nobody_answers() -> None:
    with open_channel("127.0.0.1:1", timeout_seconds=0.3) as channel:
        started = time.monotonic()
        with pytest.raises(grpc.RpcError) as caught:
            call(channel)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started < 3


def test_a_call_waits_for_a_service_that_comes_back() -> None:
    with running_server(services()) as first:
        port = first.port
    later = threading.Timer(1.0, lambda: None)
    with open_channel(f"127.0.0.1:{port}", timeout_seconds=20) as channel:
        answers: list[str] = []
        caller = threading.Thread(target=lambda: answers.append(call(channel).friendly_name))
        caller.start()
        later.start()
        later.join()
        server = Server(services=services(), port=port)
        server.start()
        caller.join(20)
        server.stop(1)
    assert answers == ["here"]


def test_a_taken_port_is_named() -> None:
    with running_server(services()) as server, pytest.raises(SystemExit, match=str(server.port)):
        Server(services=services(), port=server.port)


def health_of(server: Server, service: str) -> int:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as probe:
        request = health_pb2.HealthCheckRequest(service=service)
        return int(health_pb2_grpc.HealthStub(probe).Check(request, timeout=5).status)


def test_a_server_whose_every_thread_is_at_work_still_answers_probes() -> None:
    arrived, leave = threading.Event(), threading.Event()

    def work() -> None:
        arrived.set()
        leave.wait()

    server = Server(services=services(work), max_workers=1)
    server.start()
    with open_channel(f"127.0.0.1:{server.port}") as channel:
        busy = sync_pb2_grpc.SyncServiceStub(channel).CheckServer.future(sync_pb2.CheckServerRequest())
        assert arrived.wait(20)
        states = [health_of(server, service) for service in ("", NAME, LIVENESS)]
        leave.set()
        busy.result()
    server.stop(1)
    assert states == [health_pb2.HealthCheckResponse.SERVING] * 3


def test_a_server_that_is_not_ready_lives() -> None:
    server = Server(services=services())
    server.start(serving=False)
    states = {service: health_of(server, service) for service in ("", NAME, LIVENESS)}
    server.stop(1)
    not_serving = health_pb2.HealthCheckResponse.NOT_SERVING
    assert states == {"": not_serving, NAME: not_serving, LIVENESS: health_pb2.HealthCheckResponse.SERVING}
