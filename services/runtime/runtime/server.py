"""A gRPC server as every service runs it: health, reflection, request ids, errors, token, an orderly end."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry

from runtime.channel import PING_SECONDS
from runtime.health import Health, ProbesUnread
from runtime.interceptors import RequestErrors, RequestSizes, TokenRights
from runtime.metrics import CallMetrics, exposed, new_registry
from runtime.open_calls import IDLE_SECONDS, OpenCalls
from runtime.rights import Rights, Role, Table, nobody
from runtime.settings import ServiceSettings
from runtime.telemetry import get_logger

Register = Callable[[grpc.Server], None]
log = get_logger(__name__)
# How long a connection lasts before its client is asked, politely, for a new one: only then does a client look its
# targets up again, and finds the server that was added since. Calls in progress are not touched.
CONNECTION_SECONDS = 300.0
# A client that vanished without a word would hold its thread until the deadline.
SILENT_CLIENT_SECONDS = 30.0
# What somebody can have at once whose token is not known yet. A client that has more calls than a connection takes
# holds them back by itself; a call beyond the last limit gets RESOURCE_EXHAUSTED.
CALLS_OF_A_CONNECTION = 256
CONNECTIONS = 1024
CALLS = 1024
# Who connects and says nothing that is HTTP/2 is cut off.
HANDSHAKE_SECONDS = 10.0
LARGEST_MESSAGE_BYTES = 80 * 1024 * 1024
# A signal that the system hands to another thread does not wake the main one, which alone may handle it.
SIGNAL_SECONDS = 1.0


class Server:
    """A gRPC server on one port. `services` maps full service names to functions that add their servicers.

    Without `rights` everybody may call everything.
    """

    def __init__(
        self,
        *,
        services: Mapping[str, Register],
        host: str = "127.0.0.1",
        port: int = 0,
        rights: Rights | None = None,
        max_workers: int = 32,
        max_message_bytes: int = LARGEST_MESSAGE_BYTES,
        max_request_bytes: int | None = None,
        credentials: grpc.ServerCredentials | None = None,
        registry: CollectorRegistry | None = None,
        min_ping_seconds: float = PING_SECONDS / 2,
        connection_seconds: float = CONNECTION_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        metrics = CallMetrics(registry if registry is not None else CollectorRegistry())
        self._health = Health(list(services))
        self._open_calls = OpenCalls(rights, idle_seconds=idle_seconds)
        interceptors: list[grpc.ServerInterceptor] = [ProbesUnread(self._health)]
        if rights is None:
            interceptors += [RequestErrors(metrics), self._open_calls]
        else:
            interceptors += [RequestErrors(metrics, rights.is_quiet), TokenRights(rights)]
            interceptors += [self._open_calls, RequestSizes(rights.request_bytes)]
        self._grpc = grpc.server(
            ThreadPoolExecutor(max_workers, thread_name_prefix="grpc"),
            interceptors=interceptors,
            options=[
                (
                    "grpc.max_receive_message_length",
                    min(max_request_bytes or max_message_bytes, max_message_bytes),
                ),
                ("grpc.max_send_message_length", max_message_bytes),
                *_connection_options(min_ping_seconds, connection_seconds),
            ],
            maximum_concurrent_rpcs=CALLS + max_workers,
        )
        for register in services.values():
            register(self._grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        reflection.enable_server_reflection(
            [*services, health.SERVICE_NAME, reflection.SERVICE_NAME], self._grpc
        )
        self.port = self._bind(f"{host}:{port}", credentials)

    def _bind(self, address: str, credentials: grpc.ServerCredentials | None) -> int:
        try:
            if credentials:
                return self._grpc.add_secure_port(address, credentials)
            return self._grpc.add_insecure_port(address)
        except RuntimeError as error:
            raise SystemExit(
                f"cannot listen on {address}: the port is taken or the address is not ours"
            ) from error

    def start(self, *, serving: bool = True) -> None:
        """Take calls; with `serving=False` health says NOT_SERVING until `set_serving`."""
        self.set_serving(serving)
        self._open_calls.start()
        self._grpc.start()

    def set_serving(self, serving: bool) -> None:
        """What health answers for the whole server and each of its services."""
        self._health.set_serving(serving)

    def stop(self, grace_seconds: float) -> None:
        """Refuse new calls, let those in progress end within the grace, then cut them off."""
        self._health.enter_graceful_shutdown()
        self._grpc.stop(grace_seconds).wait()
        self._open_calls.close()


def _connection_options(min_ping_seconds: float, connection_seconds: float) -> list[tuple[str, int]]:
    return [
        ("grpc.max_concurrent_streams", CALLS_OF_A_CONNECTION),
        ("grpc.max_allowed_incoming_connections", CONNECTIONS),
        ("grpc.server_handshake_timeout_ms", int(HANDSHAKE_SECONDS * 1000)),
        # Two servers on one port would share its calls in silence.
        ("grpc.so_reuseport", 0),
        # gRPC's own limit is five minutes, and it would cut off our clients for "too_many_pings".
        ("grpc.http2.min_ping_interval_without_data_ms", int(min_ping_seconds * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.keepalive_time_ms", int(SILENT_CLIENT_SECONDS * 1000)),
        ("grpc.http2.ping_timeout_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.max_connection_age_ms", int(connection_seconds * 1000)),
    ]


def serve(
    settings: ServiceSettings,
    services: Mapping[str, Register],
    *,
    tables: Mapping[str, Table],
    others: Callable[[str], Role | None] = nobody,
    max_workers: int = 32,
    max_request_bytes: int | None = None,
    warm_up: Callable[[], None] | None = None,
    close: Callable[[], None] | None = None,
    registry: CollectorRegistry | None = None,
) -> None:
    """Run until SIGTERM or SIGINT. Health says SERVING after `warm_up`; `close` follows the last call.

    `tables` say for each service who may call what; `others` finds the role of a token's fingerprint that the settings
    do not name. `max_request_bytes` is for a service whose requests are smaller than its answers.
    `registry` has the service's own figures, where it keeps any; those of its calls are added.
    """
    registry = registry or new_registry()
    server = Server(
        services=services,
        host=settings.host,
        port=settings.port,
        rights=_rights(settings, tables, others),
        max_workers=max_workers,
        max_message_bytes=settings.max_message_bytes,
        max_request_bytes=max_request_bytes,
        registry=registry,
    )
    with (
        ThreadPoolExecutor(1, thread_name_prefix="warm-up") as aside,
        _stop_signals() as stopped,
        exposed(registry, host=settings.host, port=settings.metrics_port),
    ):
        server.start(serving=warm_up is None)
        log.info("listening", host=settings.host, port=server.port, services=list(services))
        # Not in this thread, which must receive SIGTERM meanwhile.
        warming: Future[None] = aside.submit(warm_up) if warm_up else Future()
        warming.add_done_callback(partial(_warmed_up, server, stopped))
        while not stopped.wait(SIGNAL_SECONDS):
            pass
        failure = warming.exception() if warming.done() else None
        log.info("stopping", grace_seconds=settings.shutdown_grace_seconds)
        server.stop(settings.shutdown_grace_seconds)
        if close:
            close()
    if failure:
        raise failure


def _rights(
    settings: ServiceSettings, tables: Mapping[str, Table], others: Callable[[str], Role | None]
) -> Rights | None:
    """What tokens open; None where the settings name none, which they allow on this machine's loopback alone."""
    tokens = settings.tokens()
    missing = [settings.token_variable(role) for role in settings.token_roles() if role not in tokens]
    if not tokens:
        log.warning("anybody on this machine may call: no token is set", needed=missing)
        return None
    if missing:
        log.warning("a part of the system cannot call: its token is not set", needed=missing)
    return Rights(tables, tokens, others)


def _warmed_up(server: Server, stopped: threading.Event, warming: "Future[None]") -> None:
    """Serve, or end a service that cannot get ready, for its supervisor to see."""
    if warming.exception():
        stopped.set()
    else:
        server.set_serving(True)


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    stopped = threading.Event()
    before: dict[signal.Signals, Any] = {
        number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
