"""Calls that stay open over a real socket: none keeps its place by doing nothing, and none loses it by working."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from reclass.sync.v1 import sync_pb2
from runtime import open_calls
from runtime.channel import open_channel
from runtime.errors import RemoteError
from runtime.testing import running_server
from waiting import until

NAME = "test.v1.Test"
IDLE_SECONDS = 0.3
MUCH = b"x" * 1_000_000
"""More than a connection takes without its other end."""
Behaviour = Callable[[Any, grpc.ServicerContext], Any]


@dataclass
class Test:
    """A service of one method of each kind, and which of its calls have begun and ended."""

    __test__ = False
    channel: grpc.Channel | None = None
    at_work: threading.Event = field(default_factory=threading.Event)
    begun: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def call(self, kind: str) -> Any:
        assert self.channel is not None
        return getattr(self.channel, kind)(f"/{NAME}/{kind}")

    def unary_unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        return request

    def unary_stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        try:
            for _ in range(100):
                yield MUCH
        finally:
            self.ended.append("unary_stream")

    def stream_unary(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        self.begun.append("stream_unary")
        try:
            return b"%d" % len(list(requests))
        finally:
            self.ended.append("stream_unary")

    def stream_stream(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        next(requests)
        # As long as a mistake would need to show: the caller waits meanwhile, and not the call for him.
        self.at_work.wait(5 * IDLE_SECONDS)
        yield b"done"

    def register(self, server: grpc.Server) -> None:
        handlers = {
            kind: getattr(grpc, f"{kind}_rpc_method_handler")(getattr(self, kind))
            for kind in ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
        }
        handlers["parsed"] = grpc.unary_unary_rpc_method_handler(
            self.unary_unary, request_deserializer=sync_pb2.CheckServerResponse.FromString
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Test]:
    monkeypatch.setattr(open_calls, "RECHECK_SECONDS", 0.05)
    monkeypatch.setattr(open_calls, "GIVE_UP_SECONDS", 0.2)
    test = Test()
    with (
        running_server({NAME: test.register}, idle_seconds=IDLE_SECONDS) as server,
        open_channel(f"127.0.0.1:{server.port}", timeout_seconds=120) as test.channel,
    ):
        yield test


@pytest.fixture
def never() -> Iterator[Iterator[bool]]:
    """Messages that do not come before the end of the test."""
    event = threading.Event()
    yield iter(event.wait, True)
    event.set()


@pytest.mark.parametrize("kind", ["unary_unary", "unary_stream", "stream_unary", "stream_stream"])
def test_a_caller_who_sends_nothing_has_no_thread_for_long(
    service: Test, never: Iterator[bool], kind: str
) -> None:
    assert service.channel is not None
    begun = service.channel.stream_stream(f"/{NAME}/{kind}")(never)
    until(lambda: not begun.is_active())
    assert begun.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_a_caller_who_takes_nothing_keeps_no_answers(service: Test) -> None:
    answers = service.call("unary_stream")(b"")
    until(lambda: service.ended == ["unary_stream"])
    with pytest.raises(grpc.RpcError):
        list(answers)


def test_a_call_that_works_longer_than_a_caller_may_wait_is_answered(
    service: Test, never: Iterator[bool]
) -> None:
    def requests() -> Iterator[bytes]:
        yield b"one"
        next(never)

    assert next(service.call("stream_stream")(requests())) == b"done"
    assert service.call("unary_unary")(b"as before") == b"as before"


def test_a_call_without_its_request_is_told_so(service: Test) -> None:
    assert service.channel is not None
    with pytest.raises(grpc.RpcError) as caught:
        service.channel.stream_unary(f"/{NAME}/unary_unary")(iter(()))
    error = RemoteError.from_rpc(caught.value)
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_MISSING")


def test_bytes_that_are_no_message_are_told_so(service: Test, caplog: pytest.LogCaptureFixture) -> None:
    assert service.channel is not None
    with pytest.raises(grpc.RpcError) as caught:
        service.channel.unary_unary(f"/{NAME}/parsed")(b"\xff")
    error = RemoteError.from_rpc(caught.value)
    assert (error.code, error.reason, error.permanent) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "REQUEST_UNREADABLE",
        True,
    )
    # Not with the traceback of gRPC: anybody sends such.
    assert not [record for record in caplog.records if record.exc_info]


def test_a_caller_who_goes_away_before_the_end_of_a_request_leaves_no_traceback(
    service: Test, never: Iterator[bool], caplog: pytest.LogCaptureFixture
) -> None:
    begun = service.call("stream_unary").future(never)
    until(lambda: service.begun)
    begun.cancel()
    until(lambda: service.ended == ["stream_unary"])
    assert not [record for record in caplog.records if record.exc_info]
