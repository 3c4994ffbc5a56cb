"""A channel before several real servers: calls in turn, servers that die, vanish, come and move."""

import inspect
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import pytest
from frozen_wire import wire
from name_server import name_server
from reclass.sync.v1 import sync_pb2, sync_pb2_grpc
from runtime.channel import PING_SECONDS, address, open_channel
from runtime.server import Server

pytestmark = pytest.mark.outages
NAME = "reclass.sync.v1.SyncService"
PROCESS = """
import os, sys, time
from reclass.sync.v1 import sync_pb2, sync_pb2_grpc
from runtime.server import Server
from runtime.telemetry import configure_logging

class Slow(sync_pb2_grpc.SyncServiceServicer):
    def CheckServer(self, request, context):
        time.sleep(0.02)
        return sync_pb2.CheckServerResponse(friendly_name=str(os.getpid()))

configure_logging(service="slow", level="error")
server = Server(services={"reclass.sync.v1.SyncService":
    lambda s: sync_pb2_grpc.add_SyncServiceServicer_to_server(Slow(), s)})
server.start()
print(server.port, flush=True)
sys.stdin.read()
"""


class Named(sync_pb2_grpc.SyncServiceServicer):
    """Says who answered; `before` runs first."""

    def __init__(self, name: str, before: Callable[[], Any] = lambda: None) -> None:
        self.name = name
        self.before = before

    def CheckServer(self, request: Any, context: Any) -> sync_pb2.CheckServerResponse:
        self.before()
        return sync_pb2.CheckServerResponse(friendly_name=self.name)


@contextmanager
def serving(servicer: Named, **options: Any) -> Iterator[Server]:
    register = {NAME: lambda server: sync_pb2_grpc.add_SyncServiceServicer_to_server(servicer, server)}
    server = Server(services=register, **options)
    server.start()
    try:
        yield server
    finally:
        server.stop(0)


def call(channel: grpc.Channel, timeout: float | None = None) -> str:
    stub = sync_pb2_grpc.SyncServiceStub(channel)
    return str(stub.CheckServer(sync_pb2.CheckServerRequest(), timeout=timeout).friendly_name)


def calls_until(channel: grpc.Channel, holds: Callable[[str], bool]) -> None:
    """Call until an answer is as wanted; the test's own time limit ends what never is."""
    while not holds(call(channel)):
        pass


@contextmanager
def processes(count: int) -> Iterator[dict[int, subprocess.Popen[str]]]:
    """Servers in processes of their own, by port."""
    with ExitStack() as stack:
        started = []
        for _ in range(count):
            process = subprocess.Popen(
                [sys.executable, "-c", PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            started.append(process)
        yield {int(process.stdout.readline()): process for process in started if process.stdout}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("features:50052", "dns:///features:50052"),
        ("127.0.0.1:50052", "dns:///127.0.0.1:50052"),
        ("dns:///features.music.svc:50052", "dns:///features.music.svc:50052"),
        ("ipv4:10.0.0.1:1,10.0.0.2:1", "ipv4:10.0.0.1:1,10.0.0.2:1"),
        ("unix:/run/features", "unix:/run/features"),
    ],
)
def test_a_name_is_looked_up_and_an_address_taken_as_it_is(target: str, expected: str) -> None:
    assert address(target) == expected


def test_calls_go_to_every_server_of_a_name_in_turn() -> None:
    with serving(Named("a")) as a, serving(Named("b")) as b, serving(Named("c")) as c:
        target = "ipv4:" + ",".join(f"127.0.0.1:{server.port}" for server in (a, b, c))
        with open_channel(target) as channel:
            seen: set[str] = set()
            calls_until(channel, lambda name: len(seen | {name}) == 3 or bool(seen.add(name)))
            answers = [call(channel) for _ in range(30)]
    assert {name: answers.count(name) for name in "abc"} == {"a": 10, "b": 10, "c": 10}


def test_a_server_that_is_killed_costs_no_call() -> None:
    with processes(3) as servers:
        target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in servers)
        victim = next(iter(servers.values()))
        with open_channel(target) as channel, ThreadPoolExecutor(8) as callers:
            calls_until(channel, lambda name: name == str(victim.pid))
            before = [callers.submit(call, channel) for _ in range(200)]
            before[50].result()
            victim.kill()
            after = [callers.submit(call, channel) for _ in range(200)]
            answers = [future.result() for future in (*before, *after)]
    others = {str(process.pid) for process in servers.values()} - {str(victim.pid)}
    assert len(answers) == 400
    assert set(answers[-100:]) == others


def test_who_is_not_patient_is_told_at_once_that_nobody_is_there(unused_port: int) -> None:
    with (
        open_channel(f"127.0.0.1:{unused_port}", timeout_seconds=250, patient=False) as channel,
        pytest.raises(grpc.RpcError) as refused,
    ):
        call(channel)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_peer_that_vanished_without_a_word_is_noticed_and_the_call_goes_to_another() -> None:
    arrived, released = threading.Event(), threading.Event()

    def hang() -> None:
        arrived.set()
        released.wait()

    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(2))
        lost = stack.enter_context(serving(Named("lost", hang)))
        there = stack.enter_context(serving(Named("there"), min_ping_seconds=0.1))
        strung = stack.enter_context(wire(lost.port))
        target = f"ipv4:127.0.0.1:{strung.port},127.0.0.1:{there.port}"
        channel = stack.enter_context(open_channel(target, timeout_seconds=60, ping_seconds=1))
        stack.callback(released.set)
        calls = []
        while not arrived.is_set():
            calls.append(pool.submit(call, channel))
            arrived.wait(0.05)
        strung.freeze()
        assert {future.result(timeout=40) for future in calls} == {"there"}


def connections_of_a_silent_call(min_ping_seconds: float) -> int:
    """How many connections a call of 7 s takes, and one after it, with a ping a second."""
    waits = iter((7.0, 0.0))
    patient = Named("patient", lambda: threading.Event().wait(next(waits, 0.0)))
    with (
        serving(patient, min_ping_seconds=min_ping_seconds) as server,
        wire(server.port) as strung,
        open_channel(f"127.0.0.1:{strung.port}", ping_seconds=1.0, timeout_seconds=20) as channel,
    ):
        assert [call(channel), call(channel)] == ["patient", "patient"]
        return strung.connections


def test_pings_as_often_as_the_server_allows_keep_the_connection_of_a_silent_call() -> None:
    with ThreadPoolExecutor(2) as pool:
        allowed, too_often = pool.map(connections_of_a_silent_call, (0.5, 60.0))
    assert allowed == 1
    # What happens to a client that pings more often: it is sent away, and has to connect again.
    assert too_often == 2


def test_a_server_allows_the_pings_of_our_channels() -> None:
    assert inspect.signature(Server).parameters["min_ping_seconds"].default < PING_SECONDS


def test_a_server_that_is_added_to_a_name_gets_calls_and_one_that_moved_is_found(unused_port: int) -> None:
    """As a headless Service of Kubernetes names its pods; 127.0.0.x stands for the pods' addresses."""

    def pod(number: int) -> Any:
        return serving(
            Named(f"pod {number}"), host=f"127.0.0.{number}", port=unused_port, connection_seconds=1.0
        )

    with name_server() as names, open_channel(names.target("features.test", unused_port)) as channel:
        with pod(2):
            names.addresses = ["127.0.0.2"]
            assert call(channel) == "pod 2"
            with pod(3):
                names.addresses = ["127.0.0.2", "127.0.0.3"]
                calls_until(channel, lambda name: name == "pod 3")
                names.addresses = ["127.0.0.3"]
                calls_until(channel, lambda name: name == "pod 3")
        with pod(4):
            names.addresses = ["127.0.0.4"]
            assert call(channel) == "pod 4"
