"""What somebody without a valid token can make each service hold: counted on the real processes while he tries."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from processes import free_port, process_of
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2
from reclass.sync.v1 import sync_pb2
from waiting import until

pytestmark = pytest.mark.timeout(300)
MEBIBYTE = 2**20
MESSAGE = bytes(32 * MEBIBYTE)
CONNECTIONS, MESSAGES_EACH = 4, 2
# gRPC's own buffers for so many connections and calls; one message kept would be as much as this.
ALLOWED_MEBIBYTES = 32
CALLS = 1000
SERVICES = {
    "sync": sync_pb2.DESCRIPTOR.services_by_name["SyncService"],
    "features": features_pb2.DESCRIPTOR.services_by_name["FeatureService"],
    "inference": inference_pb2.DESCRIPTOR.services_by_name["InferenceService"],
}
OPEN_TO_ALL = ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch")
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
REFUSALS = {
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    # The message was cut off before it was sent; that is what a refusal looks like from there.
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
}


@dataclass(frozen=True, kw_only=True)
class Service:
    """One running process."""

    contract: ServiceDescriptor
    port: int
    process: psutil.Process

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def methods(self) -> list[str]:
        return [f"/{self.contract.full_name}/{method.name}" for method in self.contract.methods]

    @contextmanager
    def counted(self) -> Iterator[list[float]]:
        """Mebibytes by which its memory grew at its highest, once the block has ended."""
        grown: list[float] = []
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")  # the highest begins anew
        before = self._highest()
        yield grown
        grown.append((self._highest() - before) / 1024)

    def _highest(self) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    """All three as a deployment runs them, each behind its tokens; nobody is at the places that they call."""
    folder = tmp_path_factory.mktemp("services")
    callers = {"sync": ("PORTAL", "FEATURES"), "features": ("PORTAL", "INFERENCE"), "inference": ("PORTAL",)}
    special = {
        "FEATURES_SYNC_TARGET": "",
        "FEATURES_PROCESSES": "1",
        "INFERENCE_FEATURES_TARGET": "127.0.0.1:9",
        "INFERENCE_TRITON_TARGET": "127.0.0.1:9",
        "INFERENCE_MODEL_REPOSITORY": str(folder / "models"),
        "INFERENCE_WATCHDOG_SECONDS": "0",
    }
    with ExitStack() as stack:
        running = {}
        for name, contract in SERVICES.items():
            port = free_port()
            prefix = name.upper()
            tokens = {
                f"{prefix}_TOKEN_OF_{caller}": f"a-token-of-{caller}-at-{name}" for caller in callers[name]
            }
            environment = special | tokens | {f"{prefix}_PORT": str(port)}
            process = stack.enter_context(process_of(name, log=folder / f"{name}.log", **environment))
            running[name] = Service(contract=contract, port=port, process=psutil.Process(process.pid))
        for service in running.values():
            until(lambda service=service: is_serving(service), seconds=120)
        yield running


def is_serving(service: Service) -> bool:
    with grpc.insecure_channel(service.target) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def thrown_at(service: Service, method: str, token: str | None) -> set[grpc.StatusCode]:
    """Large messages to one method, over several connections at once, and how they were answered."""
    metadata = [("authorization", f"Bearer {token}")] if token else []
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]

    def throw(_: int) -> set[grpc.StatusCode]:
        codes = set()
        with grpc.insecure_channel(service.target, options=options) as channel:
            # One message or several, the wire is the same.
            calls = [
                channel.stream_stream(method)(iter([MESSAGE, MESSAGE]), metadata=metadata, timeout=60)
                for _ in range(MESSAGES_EACH)
            ]
            for call in calls:
                try:
                    list(call)
                except grpc.RpcError as error:
                    codes.add(error.code())
        return codes

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return set().union(*threads.map(throw, range(CONNECTIONS)))


@pytest.mark.parametrize("token", [None, "a-wrong-one"])
@pytest.mark.parametrize("name", SERVICES)
def test_large_messages_of_a_stranger_are_not_held(
    services: dict[str, Service], name: str, token: str | None
) -> None:
    service = services[name]
    with service.counted() as grown:
        for method in (*service.methods(), REFLECTION):
            assert thrown_at(service, method, token) <= REFUSALS, method
    assert grown[0] < ALLOWED_MEBIBYTES


@pytest.mark.parametrize("name", SERVICES)
def test_large_probes_of_a_stranger_are_not_held(services: dict[str, Service], name: str) -> None:
    service = services[name]
    with service.counted() as grown:
        for method in OPEN_TO_ALL:
            thrown_at(service, method, None)
    assert grown[0] < ALLOWED_MEBIBYTES
    assert is_serving(service)


@pytest.mark.parametrize("name", SERVICES)
def test_many_calls_and_connections_of_a_stranger_are_not_held(
    services: dict[str, Service], name: str
) -> None:
    service = services[name]
    with service.counted() as grown, ExitStack() as held:
        for _ in range(200):
            held.enter_context(socket.create_connection(("127.0.0.1", service.port)))
        channel = held.enter_context(grpc.insecure_channel(service.target))
        ask = channel.unary_unary(service.methods()[0])
        calls = [ask.future(bytes(10_000), timeout=60) for _ in range(CALLS)]
        codes = {call.code() for call in calls}
        assert is_serving(service)
    assert codes <= REFUSALS
    assert grown[0] < ALLOWED_MEBIBYTES
