"""A real Triton for tests: the server from its wheel on free ports, in a folder of its own."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from processes import free_port
from runtime.triton import Identity, Triton

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-triton" / "bin" / "python"
LAUNCHER = ROOT / "services" / "triton" / "launch.py"
MODELS = ROOT / "services" / "triton" / "models"
START_SECONDS = 150.0
"""Seconds where nothing else runs; one that ends before it answers is not waited for."""


class TritonServer:
    """A server that tests may kill and start again on the same ports and model repository.

    Its second repository is that of the models that the source brings, unless `models` is another. `environment` is
    added to its variables, `arguments` to the launcher's; with certificates, `identity` asks whether it has started.
    `launcher` may be one of a copy of the sources.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        models: Path = MODELS,
        arguments: Sequence[str] = (),
        identity: Identity | None = None,
        metrics: bool = True,
        launcher: Path = LAUNCHER,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._environment = environment or {}
        self._arguments = arguments
        self._identity = identity
        self._launcher = launcher
        self.models = models
        self.repository = folder / "models"
        self._state = folder / "state"
        self._log = folder / "triton.log"
        self._ports = {name: free_port() for name in ("grpc", "metrics")[: 1 + metrics]}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def target(self) -> str:
        """Address of its gRPC."""
        return f"127.0.0.1:{self._ports['grpc']}"

    @property
    def metrics_url(self) -> str:
        """Where Prometheus would read its metrics."""
        return f"http://127.0.0.1:{self._ports['metrics']}/metrics"

    def log(self) -> str:
        """All that it has printed."""
        return self._log.read_text()

    def start(self) -> None:
        """Start and wait until it answers."""
        ports = [f"--{name}-port={port}" for name, port in self._ports.items()]
        command = [
            PYTHON,
            self._launcher,
            f"--model-repository={self.repository}",
            f"--model-repository={self.models}",
            f"--state={self._state}",
            *ports,
            *self._arguments,
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | self._environment
            )
        client = Triton(self.target, identity=self._identity)
        deadline = time.monotonic() + START_SECONDS
        while not client.is_live():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Triton did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.05)  # between two looks at the condition
        client.close()

    @property
    def pid(self) -> int:
        """Of the server."""
        assert self._process is not None
        return self._process.pid

    def loads(self, model: str) -> int:
        """How often a model was loaded, as its log says."""
        return self._log.read_text().count(f"successfully loaded '{model}'")

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end, and wait."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=40)

    def stub_pids(self) -> list[int]:
        """The processes that run its models."""
        assert self._process is not None
        # Any thread of the server loads models, and each has children of its own.
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        pids = {int(pid) for task in tasks for pid in read_if_there(task / "children").split()}
        return sorted(pid for pid in pids if is_stub(pid))

    def kill_stubs(self) -> None:
        """Kill the process of every model, as a crash in native code does."""
        for pid in self.stub_pids():
            os.kill(pid, signal.SIGKILL)


def is_stub(pid: int) -> bool:
    """Whether this process is a model's, and not the shell around it."""
    return b"triton_python_backend_stub" in read_if_there(Path(f"/proc/{pid}/cmdline"))


def read_if_there(file: Path) -> bytes:
    """A file of /proc; nothing where its thread or process has ended since it was listed."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@contextmanager
def triton_server(
    folder: Path, environment: Mapping[str, str] | None = None, models: Path = MODELS, **others: Any
) -> Iterator[TritonServer]:
    """A started server with an empty model repository below `folder`."""
    server = TritonServer(folder, environment, models, **others)
    server.start()
    try:
        yield server
    finally:
        server.stop()
