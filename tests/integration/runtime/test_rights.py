"""Tokens on a server over a real socket: who is let in to what, and what the others are told."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from reclass.sync.v1 import sync_pb2, sync_pb2_grpc
from runtime.channel import open_channel
from runtime.errors import RemoteError
from runtime.rights import Rights, Role, call, fingerprint
from runtime.server import Server
from runtime.testing import running_server

NAME = "reclass.sync.v1.SyncService"
TABLE = {
    "CheckServer": call(Role.PORTAL, Role.CALLER),
    "WriteGenres": call(Role.PORTAL),
    "SetConnection": call(Role.PORTAL, Role.OPERATOR),
    "ReadAudio": call(Role.PORTAL, Role.FEATURES),
}
TOKENS = {Role.PORTAL: "of-the-portal", Role.FEATURES: "of-features"}
OTHERS = {fingerprint("of-a-program"): Role.CALLER}


class Servicer(sync_pb2_grpc.SyncServiceServicer):
    def CheckServer(self, request: Any, context: Any) -> sync_pb2.CheckServerResponse:
        return sync_pb2.CheckServerResponse(friendly_name="here")

    def WriteGenres(self, request: Any, context: Any) -> sync_pb2.WriteGenresResponse:
        return sync_pb2.WriteGenresResponse(changed=True)

    def SetConnection(self, request: Any, context: Any) -> sync_pb2.SetConnectionResponse:
        return sync_pb2.SetConnectionResponse()

    def ReadAudio(self, request: Any, context: Any) -> Iterator[sync_pb2.ReadAudioResponse]:
        yield sync_pb2.ReadAudioResponse(data=b"1")

    def ListLibraries(self, request: Any, context: Any) -> sync_pb2.ListLibrariesResponse:
        return sync_pb2.ListLibrariesResponse()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    servicer = Servicer()
    services = {NAME: lambda server: sync_pb2_grpc.add_SyncServiceServicer_to_server(servicer, server)}
    with running_server(services, rights=Rights({NAME: TABLE}, TOKENS, OTHERS.get)) as running:
        yield running


def asked(server: Server, token: str | None, method: str, request: Any) -> RemoteError | Any:
    """The answer, or the error that came instead."""
    with open_channel(f"127.0.0.1:{server.port}", token=token, timeout_seconds=20) as channel:
        stub = sync_pb2_grpc.SyncServiceStub(channel)
        try:
            answer = getattr(stub, method)(request)
            return list(answer) if method == "ReadAudio" else answer
        except grpc.RpcError as error:
            return RemoteError.from_rpc(error)


def test_a_token_opens_what_its_role_may_call(server: Server) -> None:
    assert asked(server, "of-the-portal", "WriteGenres", sync_pb2.WriteGenresRequest()).changed
    assert asked(server, "of-a-program", "CheckServer", sync_pb2.CheckServerRequest()).friendly_name == "here"
    assert asked(server, "of-features", "ReadAudio", sync_pb2.ReadAudioRequest())[0].data == b"1"


@pytest.mark.parametrize(
    ("token", "method", "request_message", "reason", "words"),
    [
        (
            "of-features",
            "WriteGenres",
            sync_pb2.WriteGenresRequest(),
            "INTERNAL_ONLY",
            "only portal|portal may",
        ),
        ("of-features", "CheckServer", sync_pb2.CheckServerRequest(), "INTERNAL_ONLY", "portal may"),
        ("of-a-program", "ReadAudio", sync_pb2.ReadAudioRequest(), "INTERNAL_ONLY", "features, portal may"),
        (
            "of-a-program",
            "SetConnection",
            sync_pb2.SetConnectionRequest(),
            "OPERATOR_REQUIRED",
            "--role operator",
        ),
        ("of-the-portal", "ListLibraries", sync_pb2.ListLibrariesRequest(), "INTERNAL_ONLY", "nobody may"),
    ],
)
def test_what_a_role_may_not_call_is_denied_with_what_is_needed(
    server: Server, token: str, method: str, request_message: Any, reason: str, words: str
) -> None:
    error = asked(server, token, method, request_message)
    assert error.code is grpc.StatusCode.PERMISSION_DENIED
    assert (error.reason, error.permanent) == (reason, True)
    with pytest.raises(RemoteError, match=words):
        raise error


@pytest.mark.parametrize(
    ("token", "reason"), [(None, "TOKEN_REQUIRED"), ("revoked-or-mistyped", "TOKEN_INVALID")]
)
def test_a_wrong_token_reads_otherwise_than_none(server: Server, token: str | None, reason: str) -> None:
    error = asked(server, token, "CheckServer", sync_pb2.CheckServerRequest())
    assert (error.code, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, reason)


@pytest.mark.parametrize("token", [None, "revoked-or-mistyped", "of-a-program"])
def test_reflection_and_watching_health_ask_for_a_token_of_any_role(
    server: Server, token: str | None
) -> None:
    asks = [reflection_pb2.ServerReflectionRequest(list_services="")]
    with open_channel(f"127.0.0.1:{server.port}", token=token, timeout_seconds=20) as channel:
        reflected = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter(asks))
        watched = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        if token == "of-a-program":
            assert NAME in {each.name for each in next(reflected).list_services_response.service}
            assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
        else:
            for answers in (reflected, watched):
                with pytest.raises(grpc.RpcError) as caught:
                    next(answers)
                assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_request_beyond_what_its_method_takes_is_refused_unparsed(server: Server) -> None:
    request = sync_pb2.WriteGenresRequest(genres=["x" * 1000] * 300)
    error = asked(server, "of-the-portal", "WriteGenres", request)
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")
    assert "262144 bytes" in error.message


def test_a_token_that_fits_in_no_header_is_refused_where_the_channel_is_opened() -> None:
    with pytest.raises(ValueError, match="one word of plain characters"):
        open_channel("127.0.0.1:1", token="sesame\n")
