"""The features service as a process of its own, with what tests ask of it from outside."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc
from processes import LOOPBACK, free_port, process_of
from reclass.features.v1 import features_pb2, features_pb2_grpc
from runtime.errors import RemoteError

SERVING = health_pb2.HealthCheckResponse.SERVING


@dataclass(frozen=True, kw_only=True)
class FeaturesProcess:
    """A running service."""

    process: psutil.Process
    log: Path
    """What it wrote to stderr."""
    channel: grpc.Channel
    stub: features_pb2_grpc.FeatureServiceStub
    health: health_pb2_grpc.HealthStub

    def is_serving(self) -> bool:
        """What its health service says."""
        return bool(self.health.Check(health_pb2.HealthCheckRequest(), timeout=10).status == SERVING)

    def workers(self) -> list[psutil.Process]:
        """The processes of its pool: children of the fork server, which is its own child."""
        return [
            worker for worker in self.process.children(recursive=True) if worker.ppid() != self.process.pid
        ]

    def extract(self, path: Path) -> "features_pb2.ExtractResponse | RemoteError":
        """What comes of a file: an answer, or what the service says against it."""
        audio = features_pb2.AudioReference(path=str(path))
        try:
            return self.stub.Extract(features_pb2.ExtractRequest(audio=audio), timeout=120)
        except grpc.RpcError as error:
            return RemoteError.from_rpc(error)


@contextmanager
def features_process(library: Path, log: Path, **settings: object) -> Iterator[FeaturesProcess]:
    """`python -m features` over a folder, from its first SERVING until it is ended."""
    port = free_port()
    values = {"PORT": port, "MEDIA_FOLDERS": library, "LOG_FORMAT": "json"}
    values |= {name.upper(): value for name, value in settings.items()}
    with (
        process_of(
            "features", log=log, **{f"FEATURES_{name}": value for name, value in values.items()}
        ) as process,
        grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=120, wait_for_ready=True)
        next(state for state in watch if state.status == SERVING)
        yield FeaturesProcess(
            process=psutil.Process(process.pid),
            log=log,
            channel=channel,
            stub=features_pb2_grpc.FeatureServiceStub(channel),
            health=health,
        )
