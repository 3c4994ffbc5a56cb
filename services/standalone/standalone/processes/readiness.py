"""Whether a part of the system is healthy, asked of the part itself; the answer is a reason why not, or None."""

import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psycopg
from grpc_health.v1 import health_pb2, health_pb2_grpc

from standalone.host.ports import LOOPBACK

Probe = Callable[[], str | None]
TIMEOUT_SECONDS = 2


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The files by which we show a server that asks for certificates who we are."""

    authority: Path
    certificate: Path
    key: Path


def database_answers(url: str) -> str | None:
    """The database takes connections."""
    try:
        psycopg.connect(url, connect_timeout=TIMEOUT_SECONDS).close()
    except psycopg.OperationalError as error:
        return str(error).strip()
    return None


def worker_works(url: str, since: float) -> str | None:
    """A worker has told the database of itself after the instant, in seconds since 1970."""
    try:
        with psycopg.connect(url, connect_timeout=TIMEOUT_SECONDS) as connection:
            query = "SELECT 1 FROM procrastinate_workers WHERE last_heartbeat >= to_timestamp(%s)"
            seen = connection.execute(query, [since]).fetchone()
    except psycopg.Error as error:
        return str(error).strip()
    return None if seen else "it has not asked the database for work"


def grpc_serves(port: int, identity: Identity | None = None) -> str | None:
    """The service says SERVING to a standard health check."""
    try:
        with _channel(port, identity) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        return str(error.details())
    state = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    return None if state == "SERVING" else f"its health is {state}"


def _channel(port: int, identity: Identity | None) -> grpc.Channel:
    target = f"{LOOPBACK}:{port}"
    # A proxy in the environment must not be asked for this machine.
    options = [("grpc.enable_http_proxy", 0)]
    if identity is None:
        return grpc.insecure_channel(target, options=options)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=identity.authority.read_bytes(),
        private_key=identity.key.read_bytes(),
        certificate_chain=identity.certificate.read_bytes(),
    )
    return grpc.secure_channel(target, credentials, options=options)


def web_answers(port: int, path: str) -> str | None:
    """A GET of the path gives 200."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{LOOPBACK}:{port}{path}", timeout=TIMEOUT_SECONDS):
            return None
    except (urllib.error.URLError, OSError) as error:
        return str(error)
