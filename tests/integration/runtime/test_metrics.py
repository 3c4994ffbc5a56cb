"""What Prometheus reads of a server: calls by method and code, and nothing of probes and strangers' inventions."""

import threading
import urllib.request
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from reclass.sync.v1 import sync_pb2, sync_pb2_grpc
from runtime.channel import open_channel
from runtime.errors import ServiceError
from runtime.metrics import exposed, new_registry
from runtime.rights import Rights, Role, call
from runtime.server import Server

NAME = "reclass.sync.v1.SyncService"


class GoneError(ServiceError):
    code = grpc.StatusCode.NOT_FOUND
    reason = "GONE"


class Servicer(sync_pb2_grpc.SyncServiceServicer):
    """CheckServer waits for leave to answer, or for its caller to hang up; ListLibraries refuses."""

    def __init__(self) -> None:
        self.leave = threading.Event()
        self.asked = threading.Event()

    def CheckServer(self, request: Any, context: Any) -> sync_pb2.CheckServerResponse:
        context.add_callback(self.leave.set)
        self.asked.set()
        self.leave.wait()
        return sync_pb2.CheckServerResponse()

    def ListLibraries(self, request: Any, context: Any) -> sync_pb2.ListLibrariesResponse:
        raise GoneError("gone")


def samples(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """Every sample of a scrape by its name and the values of its labels, in the order of the labels' names."""
    text = generate_latest(registry).decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_calls_are_counted_by_method_and_code_and_probes_are_not() -> None:
    registry, servicer = new_registry(), Servicer()
    servicer.leave.set()
    register = {NAME: lambda server: sync_pb2_grpc.add_SyncServiceServicer_to_server(servicer, server)}
    table = {"CheckServer": call(Role.PORTAL), "ListLibraries": call(Role.PORTAL)}
    rights = Rights({NAME: table}, {Role.PORTAL: "sesame"})
    server = Server(services=register, registry=registry, rights=rights)
    server.start()
    target = f"127.0.0.1:{server.port}"
    with open_channel(target, token="sesame") as friend, open_channel(target) as stranger:
        stub = sync_pb2_grpc.SyncServiceStub(friend)
        stub.CheckServer(sync_pb2.CheckServerRequest())
        with pytest.raises(grpc.RpcError):
            stub.ListLibraries(sync_pb2.ListLibrariesRequest())
        with pytest.raises(grpc.RpcError):
            sync_pb2_grpc.SyncServiceStub(stranger).CheckServer(sync_pb2.CheckServerRequest())
        with pytest.raises(grpc.RpcError):
            stranger.unary_unary("/made.up.Service/Method")(b"")
        health_pb2_grpc.HealthStub(stranger).Check(health_pb2.HealthCheckRequest())
    server.stop(5)
    seen = samples(registry)
    calls = {key[1:]: value for key, value in seen.items() if key[0] == "reclass_grpc_requests_total"}
    assert calls == {
        ("OK", "CheckServer", NAME): 1,
        ("UNAUTHENTICATED", "CheckServer", NAME): 1,
        ("NOT_FOUND", "ListLibraries", NAME): 1,
    }
    assert seen["reclass_grpc_request_seconds_count", "CheckServer", NAME] == 2
    assert seen["reclass_grpc_requests_in_flight", "CheckServer", NAME] == 0
    assert seen["process_resident_memory_bytes",] > 0


def test_a_call_in_progress_is_seen_and_one_that_is_given_up_counts_as_cancelled() -> None:
    registry, servicer = CollectorRegistry(), Servicer()
    register = {NAME: lambda server: sync_pb2_grpc.add_SyncServiceServicer_to_server(servicer, server)}
    server = Server(services=register, registry=registry)
    server.start()
    with open_channel(f"127.0.0.1:{server.port}") as channel:
        future = sync_pb2_grpc.SyncServiceStub(channel).CheckServer.future(sync_pb2.CheckServerRequest())
        assert servicer.asked.wait(20)
        assert samples(registry)["reclass_grpc_requests_in_flight", "CheckServer", NAME] == 1
        future.cancel()
        while samples(registry)["reclass_grpc_requests_in_flight", "CheckServer", NAME]:
            servicer.leave.wait(0.01)
    server.stop(10)
    assert samples(registry)["reclass_grpc_requests_total", "CANCELLED", "CheckServer", NAME] == 1


def test_the_figures_stand_on_a_port_of_their_own_and_are_gone_at_the_end(unused_port: int) -> None:
    address = f"http://127.0.0.1:{unused_port}/metrics"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with exposed(new_registry(), host="127.0.0.1", port=unused_port), opener.open(address) as answer:
        assert b"process_cpu_seconds_total" in answer.read()
    with pytest.raises(OSError, match="refused"):
        opener.open(address)


def test_a_taken_port_for_figures_is_named() -> None:
    taken = Server(services={})
    with (
        pytest.raises(SystemExit, match=str(taken.port)),
        exposed(new_registry(), host="127.0.0.1", port=taken.port),
    ):
        pass
    taken.stop(0)


def test_without_a_port_nothing_listens() -> None:
    before = threading.active_count()
    with exposed(new_registry(), host="127.0.0.1", port=0):
        assert threading.active_count() == before
