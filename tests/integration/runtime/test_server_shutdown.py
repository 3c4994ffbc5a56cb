"""SIGTERM lets calls in progress end, and the process ends with status 0; a service that fails ends with another."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from reclass.sync.v1 import sync_pb2, sync_pb2_grpc
from runtime.channel import open_channel

SERVICE = """
import sys, time
from pydantic_settings import SettingsConfigDict
from reclass.sync.v1 import sync_pb2, sync_pb2_grpc
from runtime.server import serve
from runtime.settings import ServiceSettings
from runtime.telemetry import configure_logging

class Slow(sync_pb2_grpc.SyncServiceServicer):
    def CheckServer(self, request, context):
        print("working", flush=True)
        time.sleep(1.0)
        return sync_pb2.CheckServerResponse(friendly_name="done")

configure_logging(service="slow")
serve(
    ServiceSettings.load(),
    {"reclass.sync.v1.SyncService": lambda s: sync_pb2_grpc.add_SyncServiceServicer_to_server(Slow(), s)},
    tables={},
    warm_up=lambda: print("ready", flush=True),
    close=lambda: print("closed", flush=True),
)
"""


@pytest.fixture
def service(unused_port: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVICE],
        env={"PORT": str(unused_port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


def test_sigterm_lets_a_call_end_and_exits_with_zero(
    service: subprocess.Popen[str], unused_port: int
) -> None:
    answers: list[str] = []
    with open_channel(f"127.0.0.1:{unused_port}") as channel:
        stub = sync_pb2_grpc.SyncServiceStub(channel)
        caller = threading.Thread(
            target=lambda: answers.append(stub.CheckServer(sync_pb2.CheckServerRequest()).friendly_name)
        )
        caller.start()
        assert service.stdout is not None
        assert service.stdout.readline() == "working\n"
        service.send_signal(signal.SIGTERM)
        caller.join(10)
    out, err = service.communicate(timeout=15)
    assert answers == ["done"]
    assert service.returncode == 0
    assert out == "closed\n"
    assert '"event": "stopping"' in err


def test_health_says_not_serving_before_the_last_call_has_ended(
    service: subprocess.Popen[str], unused_port: int
) -> None:
    states, answers = health_pb2.HealthCheckResponse, []
    target = f"127.0.0.1:{unused_port}"
    with grpc.insecure_channel(target) as probe, open_channel(target) as channel:
        watch = health_pb2_grpc.HealthStub(probe).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == states.SERVING
        call = sync_pb2_grpc.SyncServiceStub(channel).CheckServer.future(sync_pb2.CheckServerRequest())
        call.add_done_callback(lambda done: answers.append(done.result().friendly_name))
        assert service.stdout is not None
        assert service.stdout.readline() == "working\n"
        service.send_signal(signal.SIGTERM)
        assert next(watch).status == states.NOT_SERVING
        assert answers == []
        assert call.result().friendly_name == "done"


def run(warm_up: str, port: int) -> subprocess.Popen[str]:
    text = SERVICE.replace('lambda: print("ready", flush=True)', warm_up)
    return subprocess.Popen(
        [sys.executable, "-c", text],
        env={"PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_service_that_cannot_get_ready_ends_with_its_reason(unused_port: int) -> None:
    with run("lambda: 1 / 0", unused_port) as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert out == "closed\n"
    assert "ZeroDivisionError" in err


def test_sigterm_is_obeyed_while_a_service_warms_up(unused_port: int) -> None:
    with run("lambda: (print('warming', flush=True), time.sleep(2))", unused_port) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "warming\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "closed\n"
        process.communicate(timeout=30)
    assert process.returncode == 0
