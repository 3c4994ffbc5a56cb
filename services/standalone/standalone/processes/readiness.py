"""Whether a part of the system is healthy, asked of the part itself; the answer is a reason why not, or None."""

import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
import psycopg
from runtime.probe import problem_of

from standalone.host.ports import LOOPBACK

Probe = Callable[[], str | None]
TIMEOUT_SECONDS = 2


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The files by which we show a server that asks for certificates who we are."""

    authority: Path
    certificate: Path
    key: Path

    def credentials(self) -> grpc.ChannelCredentials:
        """As gRPC wants it."""
        return grpc.ssl_channel_credentials(
            root_certificates=self.authority.read_bytes(),
            private_key=self.key.read_bytes(),
            certificate_chain=self.certificate.read_bytes(),
        )


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
    return problem_of(f"{LOOPBACK}:{port}", identity.credentials() if identity else None)


def web_answers(port: int, path: str) -> str | None:
    """A GET of the path gives 200."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{LOOPBACK}:{port}{path}", timeout=TIMEOUT_SECONDS):
            return None
    except (urllib.error.URLError, OSError) as error:
        return str(error)
