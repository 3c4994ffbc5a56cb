"""Whether a service serves, as its own health check says."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from portal.remote.calls import translated


def serving(service: str, channel: grpc.Channel, *, timeout_seconds: float) -> bool:
    """True when it serves; `RemoteError` when it does not answer in time."""
    stub = health_pb2_grpc.HealthStub(channel)
    with translated(service):
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=timeout_seconds)  # type: ignore[attr-defined]
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
