"""`reclass up` from a shell: everything healthy, reachable from a second shell, and gone after SIGTERM."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
from reclass.sync.v1 import sync_pb2, sync_pb2_grpc
from runtime.channel import open_channel
from runtime.errors import RemoteError
from standalone.errors import NotRunningError
from standalone.host.data_folder import DataFolder
from standalone.host.environment import environment_of
from standalone.host.ports import LOOPBACK, Ports, variable
from standalone.processes.leftovers import MARK
from standalone.processes.readiness import grpc_serves, web_answers
from waiting import until

RECLASS = Path(sys.executable).with_name("reclass")
START_SECONDS = 180
STOP_SECONDS = 25


@dataclass(frozen=True, kw_only=True)
class RunningUp:
    process: "subprocess.Popen[bytes]"
    folder: DataFolder
    ports: Ports
    environment: dict[str, str]
    output: Path


@pytest.fixture
def up(tmp_path: Path) -> Iterator[RunningUp]:
    """Started on a folder below one that only we may enter, without a Plex server; killed at the end if need be."""
    folder, ports = DataFolder(root=tmp_path.resolve() / "data"), Ports.free()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLEX_")}
    environment |= {variable(name): str(port) for name, port in ports.items()}
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [RECLASS, "up", "--data", str(folder.root)], env=environment, stdout=file, stderr=file
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while "Stop with Ctrl-C" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.2)
        yield RunningUp(process=process, folder=folder, ports=ports, environment=environment, output=output)
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(START_SECONDS + 60)
def test_up_starts_everything_on_loopback_and_sigterm_leaves_nothing(up: RunningUp) -> None:
    for port in (up.ports.sync, up.ports.features, up.ports.inference):
        assert grpc_serves(port) is None
    assert web_answers(up.ports.web, "/healthz") is None
    assert b"Music ReClass" in sign_in_page(up.ports.web)
    says_what_a_person_needs(up)
    assert listening_elsewhere(up.folder) == []
    assert environment_of(up.folder.root)["PORTAL_PORT"] == str(up.ports.web)
    second = subprocess.run(
        [RECLASS, "up", "--data", str(up.folder.root)],
        env=up.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert f"already runs on {up.folder.root} as process {up.process.pid}" in second.stderr

    each_token_opens_its_own_door_alone(up)
    a_program_calls_until_its_token_is_revoked(up)
    the_worker_heals_what_inference_missed(up)

    up.process.terminate()
    assert up.process.wait(STOP_SECONDS) == 0
    assert parts_of(up.folder) == []
    with pytest.raises(NotRunningError):
        environment_of(up.folder.root)


def says_what_a_person_needs(up: RunningUp) -> None:
    said = up.output.read_text()
    assert f"http://{LOOPBACK}:{up.ports.web}/" in said
    assert "PLEX_TOKEN" in said
    password = up.folder.admin_password.read_text().strip()
    assert len(password) >= 12
    named = environment_of(up.folder.root)["RECLASS_FIRST_PASSWORD_FILE"]
    assert named == str(up.folder.admin_password), "what a new password makes worthless"
    assert password not in said


def sign_in_page(port: int) -> bytes:
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/admin/login/", timeout=20) as answer:  # ours
        return bytes(answer.read())


def asked(port: int, stub: Any, method: str, request: Any, token: str) -> str:
    """The reason of a refusal, or nothing where there is an answer."""
    with open_channel(f"{LOOPBACK}:{port}", token=token, timeout_seconds=30) as channel:
        try:
            answer = getattr(stub(channel), method)(request)
            if method == "ReadAudio":
                list(answer)
        except grpc.RpcError as error:
            return RemoteError.from_rpc(error).reason
    return ""


def status_with(up: RunningUp, token: str) -> str:
    stub = inference_pb2_grpc.InferenceServiceStub
    return asked(up.ports.inference, stub, "GetStatus", inference_pb2.GetStatusRequest(), token)


def each_token_opens_its_own_door_alone(up: RunningUp) -> None:
    def sync(method: str, request: Any, arrow: str) -> str:
        token = up.folder.secret(f"{arrow}-token")
        return asked(up.ports.sync, sync_pb2_grpc.SyncServiceStub, method, request, token)

    write, read = sync_pb2.WriteGenresRequest(rating_key="1"), sync_pb2.ReadAudioRequest(rating_key="1")
    assert sync("WriteGenres", write, "portal-to-sync") == "NOT_CONFIGURED"
    assert sync("ReadAudio", read, "features-to-sync") == "NOT_CONFIGURED"
    assert sync("WriteGenres", write, "features-to-sync") == "INTERNAL_ONLY"
    for stranger in ("portal-to-inference", "portal-to-features", "inference-to-features"):
        assert sync("ReadAudio", read, stranger) == "TOKEN_INVALID"
    assert status_with(up, up.folder.secret("portal-to-inference-token")) == ""
    assert status_with(up, up.folder.secret("portal-to-sync-token")) == "TOKEN_INVALID"


def tokens(up: RunningUp, *words: str) -> str:
    command = [RECLASS, "tokens", *words, "--data", str(up.folder.root)]
    done = subprocess.run(command, env=up.environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


def a_program_calls_until_its_token_is_revoked(up: RunningUp) -> None:
    token = tokens(up, "make", "radio")
    assert status_with(up, token) == ""
    promote = inference_pb2.PromoteModelRequest(name="model-1")
    stub = inference_pb2_grpc.InferenceServiceStub
    assert asked(up.ports.inference, stub, "PromoteModel", promote, token) == "OPERATOR_REQUIRED"
    tokens(up, "revoke", "radio")
    assert status_with(up, token) == "TOKEN_INVALID"


def the_worker_heals_what_inference_missed(up: RunningUp) -> None:
    """As if its folder had come back from a backup."""
    old = inference_pb2.Caller(
        name="long gone", role=inference_pb2.CALLER_ROLE_OPERATOR, token_sha256=sha256(b"long-gone").digest()
    )
    stub = inference_pb2_grpc.InferenceServiceStub
    request = inference_pb2.SetCallersRequest(callers=[old])
    portal = up.folder.secret("portal-to-inference-token")
    assert asked(up.ports.inference, stub, "SetCallers", request, portal) == ""
    until(lambda: status_with(up, "long-gone") == "TOKEN_INVALID")


def parts_of(folder: DataFolder) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder.root) or process.cwd() == str(folder.postgres):
                found.append(process)
        except psutil.Error:
            continue
    return found


def listening_elsewhere(folder: DataFolder) -> list[str]:
    """Addresses other than loopback that a part listens on."""
    pids = {process.pid for process in parts_of(folder)}
    return [
        f"{connection.pid} {connection.laddr}"
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
        and connection.pid in pids
        and connection.laddr.ip.removeprefix("::ffff:") != LOOPBACK
    ]
