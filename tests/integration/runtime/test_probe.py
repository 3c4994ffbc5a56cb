"""The probe of containers, as a process, against real servers."""

import subprocess
import sys

import grpc
import pytest
from runtime.rights import Rights, Role
from runtime.server import Server


def probe(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtime.probe", *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def server() -> Server:
    return Server(services={"a.Service": lambda _: None}, rights=Rights({}, {Role.PORTAL: "a-token"}))


def test_a_server_that_serves_is_healthy_without_any_token(server: Server) -> None:
    server.start()
    done = probe(f"127.0.0.1:{server.port}")
    server.stop(0)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_server_that_warms_up_is_not_healthy_yet(server: Server) -> None:
    server.start(serving=False)
    done = probe(f"127.0.0.1:{server.port}")
    server.stop(0)
    assert done.returncode == 1
    assert "its health is NOT_SERVING" in done.stderr


def test_a_port_without_a_server_is_unhealthy_and_no_traceback() -> None:
    # A port that nobody can listen on while this socket holds it.
    holder = grpc.server(None)  # type: ignore[arg-type] # it is never started
    port = holder.add_insecure_port("127.0.0.1:0")
    holder.stop(0)
    done = probe(f"127.0.0.1:{port}")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"127.0.0.1:{port}: " in done.stderr


def test_a_probe_that_is_told_half_an_address_says_how_one_is_written() -> None:
    done = probe("127.0.0.1")
    assert done.returncode == 2
    assert "HOST:PORT" in done.stderr


def test_a_probe_that_is_told_no_address_says_how_it_is_used() -> None:
    done = probe()
    assert done.returncode == 2
    assert "HOST:PORT" in done.stderr
