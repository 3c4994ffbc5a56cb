"""The portal's web process, as the supervisor or a container starts it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as taken:
        taken.bind((host, 0))
        return int(taken.getsockname()[1])


@contextmanager
def web_process(
    database_url: str, log: Path, *, listens_on: tuple[str, int], **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m portal web`, once it takes connections there."""
    variables = {
        **os.environ,
        "PORTAL_DATABASE_URL": database_url,
        "PORTAL_SECRET_KEY": "only for this test, and of as many characters as a key must have",
        **environment,
    }
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "portal", "web"], env=variables, stderr=output)
    try:
        _wait_for(process, log, listens_on)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(process: subprocess.Popen[bytes], log: Path, address: tuple[str, int]) -> None:
    deadline = time.monotonic() + 90
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
