"""Processes of ours, as a supervisor or a container starts them."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"
START_SECONDS = 90.0
END_SECONDS = 30.0


@contextmanager
def process_of(
    module: str, *arguments: str, log: Path | None = None, **environment: object
) -> Iterator["subprocess.Popen[bytes]"]:
    """`python -m module` with these variables besides our own, told to end when the block does.

    What it says goes to `log`, else to a file that is gone with it.
    """
    variables = {**os.environ, **{name: str(value) for name, value in environment.items()}}
    with log.open("wb") if log else tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], env=variables, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port(host: str = LOOPBACK) -> int:
    """A port that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: "subprocess.Popen[bytes]", *, host: str = LOOPBACK) -> None:
    """Wait until the process takes connections there; raises RuntimeError when it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nothing listens on port {port}: {process.args}") from None
            time.sleep(0.05)
        else:
            return
