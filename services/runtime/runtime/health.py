"""What a server tells probes: whether it is ready, and whether it lives at all."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2

from runtime.handlers import HEALTH_CHECK, Continuation, Handler, MaybeHandler, on_threads

LIVENESS = "liveness"
"""Ask for this name whether the process lives: SERVING from the first moment, also while it warms up."""


class Health(health.HealthServicer):
    """The standard health service. Readiness stands under "" and the name of each service, life under LIVENESS.

    Probes are answered by threads of their own: a server whose every thread is at work is busy, not dead, and must
    not be restarted for it.
    """

    def __init__(self, services: Sequence[str]) -> None:
        threads = ThreadPoolExecutor(2, thread_name_prefix="health")
        # A request to watch can be sent slowly, and holds a thread until it is there.
        watches = ThreadPoolExecutor(2, thread_name_prefix="watches")
        super().__init__(experimental_non_blocking=True, experimental_thread_pool=watches)
        self._names = ("", *services)
        self._serving = False
        self.threads = threads
        self.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)

        def check(request: Any, context: grpc.ServicerContext) -> Any:
            return health.HealthServicer.Check(self, request, context)

        # grpcio-health-checking gives its threads to Watch alone, and they go by the function that is registered.
        self.Check = on_threads(threads, check)  # type: ignore[method-assign] # see above

    def set_serving(self, serving: bool) -> None:
        """Whether the server takes work."""
        self._serving = serving
        states = health_pb2.HealthCheckResponse
        for name in self._names:
            self.set(name, states.SERVING if serving else states.NOT_SERVING)

    def enter_graceful_shutdown(self) -> None:
        """The server takes no more work."""
        self._serving = False
        super().enter_graceful_shutdown()

    @property
    def serving(self) -> bool:
        """Whether SERVING is the answer, whichever name is asked for."""
        return self._serving


class ProbesUnread(grpc.ServerInterceptor):
    """Answers probes of a server that serves without receiving their request.

    They need no token, and a request may be as large as the server's largest: nobody shall fill the memory with them,
    or hold the threads of health by sending one slowly. A name that the server does not have is told only while it
    does not serve.
    """

    def __init__(self, health: Health) -> None:
        self._health = health

        def serving(_: Any, context: grpc.ServicerContext) -> Any:
            return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)

        self._handler: Handler = grpc.stream_unary_rpc_method_handler(
            on_threads(health.threads, serving),
            response_serializer=health_pb2.HealthCheckResponse.SerializeToString,
        )

    def intercept_service(
        self,
        continuation: Continuation,
        handler_call_details: grpc.HandlerCallDetails,
    ) -> MaybeHandler:
        if handler_call_details.method == HEALTH_CHECK and self._health.serving:
            return self._handler
        return continuation(handler_call_details)
