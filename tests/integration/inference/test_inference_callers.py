"""The tokens of other programs: handed over by the portal, kept by fingerprint, and revoked at once."""

import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import grpc
import pytest
from features_stand_in import FeaturesStandIn
from inference.__main__ import build
from inference.callers import FILE, Callers
from inference.rights import MAY_CALL
from inference.settings import InferenceSettings
from inference_system import NAME
from reclass.features.v1 import features_pb2_grpc
from reclass.inference.v1 import inference_pb2 as pb
from reclass.inference.v1 import inference_pb2_grpc
from runtime.channel import open_channel
from runtime.errors import RemoteError
from runtime.rights import Rights, Role, fingerprint
from runtime.testing import connected, running_server
from runtime.triton import Triton

PORTAL = "of-the-portal"
Ask = Callable[[str, str, object], RemoteError | None]


def caller(token: str, role: int = pb.CALLER_ROLE_CALLER) -> pb.Caller:
    return pb.Caller(name=token, role=role, token_sha256=bytes.fromhex(fingerprint(token)))  # type: ignore[arg-type]


@contextmanager
def service(folder: Path | None) -> Iterator[Ask]:
    """A service without Triton, as after a start, and how to ask it with a token."""
    callers = Callers(folder)
    rights = Rights({NAME: MAY_CALL}, {Role.PORTAL: PORTAL}, callers.role_of)
    triton = Triton("127.0.0.1:1")
    with ExitStack() as stack:
        stack.callback(triton.close)
        features = stack.enter_context(connected(FeaturesStandIn().services()))
        servicer = build(
            InferenceSettings(folder=folder),
            triton=triton,
            features=features_pb2_grpc.FeatureServiceStub(features),
            callers=callers,
        )
        register = partial(inference_pb2_grpc.add_InferenceServiceServicer_to_server, servicer)
        server = stack.enter_context(running_server({NAME: register}, rights=rights))

        def ask(token: str, method: str, request: object) -> RemoteError | None:
            with open_channel(f"127.0.0.1:{server.port}", token=token, timeout_seconds=20) as channel:
                try:
                    getattr(inference_pb2_grpc.InferenceServiceStub(channel), method)(request)
                except grpc.RpcError as error:
                    return RemoteError.from_rpc(error)
            return None

        yield ask


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
    assert error.reason == "REQUEST_INVALID"
