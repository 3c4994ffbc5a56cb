"""The loopback ports of the system: which part wants which, and who holds one that is taken."""

import socket
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from typing import Self

import psutil

from standalone.errors import PortTakenError

LOOPBACK = "127.0.0.1"
WANTED_BY = {
    "web": "the portal",
    "postgres": "PostgreSQL",
    "sync": "sync",
    "features": "features",
    "inference": "inference",
    "triton_grpc": "Triton",
    "stand_in": "the stand-in for Plex",
}


@dataclass(frozen=True, kw_only=True)
class Ports:
    """One port for each thing that listens."""

    web: int = 8000
    postgres: int = 54329
    sync: int = 50051
    features: int = 50052
    inference: int = 50053
    triton_grpc: int = 8001
    stand_in: int = 32411

    @classmethod
    def free(cls) -> Self:
        """Ports that nothing uses now, for tests and for a second system beside a first."""
        with ExitStack() as held:
            return cls(**{field.name: _free_port(held) for field in fields(cls)})

    def items(self) -> Iterable[tuple[str, int]]:
        """Name and port of each."""
        return asdict(self).items()


def check_ports(ports: Ports, *, unused: frozenset[str] = frozenset()) -> None:
    """Refuse two parts on one port, and a port that something else listens on."""
    wanted: dict[int, str] = {}
    for name, port in ports.items():
        if name in unused:
            continue
        if port in wanted:
            raise PortTakenError(
                f"{WANTED_BY[wanted[port]]} and {WANTED_BY[name]} both want port {port}: set {variable(name)} "
                "to another"
            )
        wanted[port] = name
        if not _is_free(port):
            raise PortTakenError(_taken(name, port))


def variable(name: str) -> str:
    """The environment variable that moves a part to another port."""
    return f"RECLASS_{name.upper()}_PORT"


def _taken(name: str, port: int) -> str:
    option = "--port" if name == "web" else variable(name)
    also = f" (or {variable(name)})" if name == "web" else ""
    return (
        f"port {port} on {LOOPBACK} is taken by {_holder(port)}, and {WANTED_BY[name]} wants it. "
        f"Stop that process, or set {option}{also} to another port."
    )


def _holder(port: int) -> str:
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            try:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
            except psutil.Error:
                return f"process {connection.pid}"
    return "a process that this user may not see"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # A connection in TIME_WAIT of a server that was just stopped is no reason to refuse.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _free_port(held: ExitStack) -> int:
    probe = held.enter_context(socket.socket())
    probe.bind((LOOPBACK, 0))
    port: int = probe.getsockname()[1]
    return port
