"""`reclass up` from a shell: everything healthy, reachable from a second shell, and gone after SIGTERM."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from standalone.environment import environment_of
from standalone.errors import NotRunningError
from standalone.folder import DataFolder
from standalone.leftovers import MARK
from standalone.ports import LOOPBACK, Ports, variable
from standalone.readiness import grpc_serves, web_answers

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
    assert password not in said


def sign_in_page(port: int) -> bytes:
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/admin/login/", timeout=20) as answer:  # ours
        return bytes(answer.read())


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
