"""What a server tells probes: whether it is ready, and whether it lives at all."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2

LIVENESS = "liveness"
"""Ask for this name whether the process lives: SERVING from the first moment, also while it warms up."""


class Health(health.HealthServicer):
    """The standard health service. Readiness stands under "" and the name of each service, life under LIVENESS.

    Probes are answered by threads of their own: a server whose every thread is at work is busy, not dead, and must
    not be restarted for it.
    """

    def __init__(self, services: Sequence[str]) -> None:
        threads = ThreadPoolExecutor(2, thread_name_prefix="health")
        super().__init__(experimental_non_blocking=True, experimental_thread_pool=threads)
        self._names = ("", *services)
        self.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)

        def check(request: Any, context: grpc.ServicerContext) -> Any:
            return health.HealthServicer.Check(self, request, context)

        # grpcio-health-checking gives its threads to Watch alone.
        check.experimental_thread_pool = threads  # type: ignore[attr-defined] # that is how gRPC is told
        self.Check = check  # type: ignore[method-assign] # its threads go by the function that is registered

    def set_serving(self, serving: bool) -> None:
        """Whether the server takes work."""
        states = health_pb2.HealthCheckResponse
        for name in self._names:
            self.set(name, states.SERVING if serving else states.NOT_SERVING)
