"""Figures for Prometheus: what the calls of a server come to, and the port on which a process shows its figures."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    start_http_server,
)

# From a verdict on stored vectors to a training.
BUCKETS_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class CallMetrics:
    """Calls by service, method and code. Probes and unknown methods do not come here, so the labels stay few."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("service", "method")
        self._requests = Counter(
            "reclass_grpc_requests", "Calls that have ended.", (*labels, "code"), registry=registry
        )
        self._seconds = Histogram(
            "reclass_grpc_request_seconds",
            "How long calls took, streams from first to last message.",
            labels,
            buckets=BUCKETS_SECONDS,
            registry=registry,
        )
        self._in_flight = Gauge(
            "reclass_grpc_requests_in_flight", "Calls in progress.", labels, registry=registry
        )

    def started(self, method: str) -> None:
        """A call of "/package.Service/Method" has begun."""
        self._in_flight.labels(*_parts(method)).inc()

    def ended(self, method: str, *, code: str, seconds: float) -> None:
        """It has ended with this code."""
        parts = _parts(method)
        self._in_flight.labels(*parts).dec()
        self._requests.labels(*parts, code).inc()
        self._seconds.labels(*parts).observe(seconds)


def new_registry() -> CollectorRegistry:
    """Room for the figures of one process, with those that the kernel keeps of it: memory, processor, files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


@contextmanager
def exposed(registry: CollectorRegistry, *, host: str, port: int) -> Iterator[None]:
    """Answer GET /metrics on a port of its own while the block runs; port 0 answers nowhere."""
    if port == 0:
        yield
        return
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise SystemExit(f"cannot show metrics on {host}:{port}: {error.strerror}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _parts(method: str) -> tuple[str, str]:
    service, _, name = method.lstrip("/").partition("/")
    return service, name
