"""Whether a gRPC server serves, as an exit status, for containers: `python -m runtime.probe HOST:PORT`.

Triton's image has this file alone: it imports nothing of ours.
"""

import sys
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

TIMEOUT_SECONDS = 3


def main() -> int:
    """0 when the server says SERVING; else 1, and stderr says what it says."""
    # What else an address must be says runtime.addresses, which is not beside this file everywhere.
    if len(sys.argv) != 2 or not sys.argv[1].rpartition(":")[2].isdigit():
        sys.stderr.write("usage: python -m runtime.probe HOST:PORT\n")
        return 2
    problem = problem_of(sys.argv[1])
    if problem:
        sys.stderr.write(f"{sys.argv[1]}: {problem}\n")
    return 1 if problem else 0


def problem_of(target: str, credentials: grpc.ChannelCredentials | None = None) -> str | None:
    """Why the server at `target`, which may ask for credentials, does not serve; None where it does."""
    # A proxy in the environment must not be asked for a port of this machine.
    options = [("grpc.enable_http_proxy", 0)]
    with (
        grpc.secure_channel(target, credentials, options)
        if credentials
        else grpc.insecure_channel(target, options)
    ) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            return str(error.details())
    state = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    return None if state == "SERVING" else f"its health is {state}"


if __name__ == "__main__":
    sys.exit(main())
