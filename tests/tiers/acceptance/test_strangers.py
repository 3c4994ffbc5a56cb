"""Another local user before a system that root has started: nothing but health, the login page and refusals answer."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import stranger
from running_demo import START_SECONDS, RunningDemo, system_processes

STRANGER = Path(stranger.__file__)
SERVICES = ("sync", "features", "inference")
REFUSALS = {"UNAUTHENTICATED", "PERMISSION_DENIED"}
# Triton takes it on its command line alone; without a certificate it opens nothing.
KEY_IN_SIGHT = "triton-key"
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else"),
    pytest.mark.timeout(START_SECONDS + 60),
]


@pytest.fixture(scope="module")
def found(demo: RunningDemo) -> dict[str, Any]:
    """What the user `daemon` came by."""
    ports, processes = demo.ports, system_processes(demo.folder)
    known = {
        "services": {name: getattr(ports, name) for name in SERVICES},
        "triton": ports.triton_grpc,
        "postgres": ports.postgres,
        "web": ports.web,
        "grpc": [ports.triton_grpc, *(getattr(ports, name) for name in SERVICES)],
        "root": str(demo.folder.root),
        "pids": [process.pid for process in processes],
    }
    done = subprocess.run(
        [sys.executable, STRANGER, "1", json.dumps(known)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_every_port_that_is_open_is_one_that_is_tried(demo: RunningDemo) -> None:
    ports = demo.ports
    tried = {ports.triton_grpc, ports.postgres, ports.web, ports.stand_in}
    tried |= {getattr(ports, name) for name in SERVICES}
    listening = {
        (connection.laddr.ip.removeprefix("::ffff:"), connection.laddr.port)
        for process in system_processes(demo.folder)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", port) for port in tried}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_tells_a_stranger_its_health_and_refuses_every_method(
    found: dict[str, Any], service: str
) -> None:
    said = found["services"][service]
    assert said["health"] == {"Check": "OK"}
    assert set(said["reflection"].values()) <= REFUSALS
    for tried in ("without", "invented"):
        assert said[tried]
        assert {method: code for method, code in said[tried].items() if code not in REFUSALS} == {}


def test_triton_answers_nobody_without_a_certificate(found: dict[str, Any]) -> None:
    assert set(found["triton"].values()) == {"UNAVAILABLE"}
    assert set(found["http"].values()) == {False}


def test_the_database_wants_a_password(found: dict[str, Any]) -> None:
    assert len(found["postgres"]) == 2
    assert all("no password supplied" in said for said in found["postgres"])


def test_the_portal_shows_health_and_the_login_page(found: dict[str, Any]) -> None:
    pages = found["web"]
    open_pages = {path for path, said in pages.items() if said == "200"}
    assert open_pages == {"/livez", "/healthz", "/admin/login/"}
    assert pages["/metrics"].split()[0] in ("302", "401", "403")
    assert pages["/"] == "302 /admin/"
    for path in ("/admin/", "/admin/library/track/"):
        assert pages[path].startswith("302 /admin/login/")


def test_of_the_data_folder_only_songs_and_weights_can_be_read(
    found: dict[str, Any], demo: RunningDemo
) -> None:
    """The demo's songs stand for a library, which has an owner of its own."""
    root = demo.folder.root
    open_to_all = tuple(f"{folder}/" for folder in (demo.folder.weights, root / "demo" / "music"))
    others = [path for path in found["readable"] if not path.startswith(open_to_all)]
    assert [path for path in others if Path(path) != root / "demo" / "catalogue.json"] == []


def test_processes_show_no_secret(found: dict[str, Any], demo: RunningDemo) -> None:
    assert found["environments"] == []
    assert found["command_lines"]
    secrets = {
        path.name: path.read_text().strip()
        for path in demo.folder.secrets.rglob("*")
        if path.is_file() and path.name != KEY_IN_SIGHT
    }
    assert len(secrets) > 8
    seen = " ".join(found["command_lines"])
    assert [name for name, text in secrets.items() if text in seen] == []
