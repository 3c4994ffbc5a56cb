"""A gRPC server as every service runs it: health, reflection, request ids, errors, token, an orderly end."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from runtime.interceptors import BearerToken, RequestErrors
from runtime.settings import ServiceSettings
from runtime.telemetry import get_logger

Register = Callable[[grpc.Server], None]
log = get_logger(__name__)


class Server:
    """A gRPC server on one port. `services` maps full service names to functions that add their servicers."""

    def __init__(
        self,
        *,
        services: Mapping[str, Register],
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        max_workers: int = 32,
        max_message_bytes: int = 80 * 1024 * 1024,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        interceptors: list[grpc.ServerInterceptor] = [RequestErrors()]
        if token:
            interceptors.append(BearerToken(token))
        self._grpc = grpc.server(
            ThreadPoolExecutor(max_workers, thread_name_prefix="grpc"),
            interceptors=interceptors,
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_send_message_length", max_message_bytes),
                # Two servers on one port would share its calls in silence.
                ("grpc.so_reuseport", 0),
            ],
        )
        self._health = health.HealthServicer(
            experimental_non_blocking=True, experimental_thread_pool=ThreadPoolExecutor(2)
        )
        self._names = list(services)
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
        self._grpc.start()

    def set_serving(self, serving: bool) -> None:
        """What health answers for the whole server and each of its services."""
        state = (
            health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        )
        for name in ["", *self._names]:
            self._health.set(name, state)

    def stop(self, grace_seconds: float) -> None:
        """Refuse new calls, let those in progress end within the grace, then cut them off."""
        self._health.enter_graceful_shutdown()
        self._grpc.stop(grace_seconds).wait()


def serve(
    settings: ServiceSettings,
    services: Mapping[str, Register],
    *,
    max_workers: int = 32,
    warm_up: Callable[[], None] | None = None,
    close: Callable[[], None] | None = None,
) -> None:
    """Run until SIGTERM or SIGINT. Health says SERVING after `warm_up`; `close` follows the last call."""
    server = Server(
        services=services,
        host=settings.host,
        port=settings.port,
        token=settings.token.get_secret_value() if settings.token else None,
        max_workers=max_workers,
        max_message_bytes=settings.max_message_bytes,
    )
    with _stop_signals() as stopped:
        server.start(serving=warm_up is None)
        log.info("listening", host=settings.host, port=server.port, services=list(services))
        if warm_up:
            warm_up()
            server.set_serving(True)
        stopped.wait()
        log.info("stopping", grace_seconds=settings.shutdown_grace_seconds)
        server.stop(settings.shutdown_grace_seconds)
    if close:
        close()


@contextmanager
def _stop_signals(
    signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT),
) -> Iterator[threading.Event]:
    stopped = threading.Event()
    before: dict[signal.Signals, Any] = {s: signal.signal(s, lambda *_: stopped.set()) for s in signals}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
