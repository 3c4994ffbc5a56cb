"""Services as processes of their own, for benchmarks that call them or have them called."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processes import LOOPBACK, free_port, process_of
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
from runtime.channel import open_channel

# Where nothing answers.
NOWHERE = f"{LOOPBACK}:9"
START_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Service:
    """One that runs."""

    target: str
    pid: int


@contextmanager
def inference_service(repository: Path, triton_target: str = NOWHERE) -> Iterator[Service]:
    """`python -m inference` on a model repository, once it answers; it finds no features, which vectors do not need."""
    port = free_port()
    values = {
        "PORT": port,
        "TRITON_TARGET": triton_target,
        "FEATURES_TARGET": NOWHERE,
        "MODEL_REPOSITORY": repository,
    }
    with process_of("inference", **{f"INFERENCE_{name}": value for name, value in values.items()}) as process:
        target = f"{LOOPBACK}:{port}"
        with open_channel(target) as channel:
            inference_pb2_grpc.InferenceServiceStub(channel).GetStatus(
                inference_pb2.GetStatusRequest(), timeout=START_SECONDS, wait_for_ready=True
            )
        yield Service(target=target, pid=process.pid)
