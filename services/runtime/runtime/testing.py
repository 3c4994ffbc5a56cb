"""Real servers for tests: a servicer behind all interceptors on a loopback socket."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import grpc

from runtime.channel import open_channel
from runtime.open_calls import IDLE_SECONDS
from runtime.rights import Rights
from runtime.server import Server


@contextmanager
def running_server(
    services: Mapping[str, Callable[[grpc.Server], None]],
    *,
    rights: Rights | None = None,
    idle_seconds: float = IDLE_SECONDS,
) -> Iterator[Server]:
    """A started server on a free port; stopped at the end."""
    server = Server(services=services, rights=rights, idle_seconds=idle_seconds)
    server.start()
    try:
        yield server
    finally:
        server.stop(grace_seconds=1.0)


@contextmanager
def connected(
    services: Mapping[str, Callable[[grpc.Server], None]],
    *,
    timeout_seconds: float = 30.0,
) -> Iterator[grpc.Channel]:
    """A channel over a socket to a server of `services`."""
    with running_server(services) as server:
        channel = open_channel(f"127.0.0.1:{server.port}", timeout_seconds=timeout_seconds)
        try:
            yield channel
        finally:
            channel.close()
