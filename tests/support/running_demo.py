"""A demo system as a person has it after `make demo`: running, and reached from other shells."""

import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
from standalone.host.data_folder import DataFolder
from standalone.host.environment import environment_of
from standalone.host.ports import Ports, variable

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv" / "bin"
# A machine that does other things too takes its time over the songs; the first test says how long it may take.
START_SECONDS = 900
STOP_SECONDS = 40
TOKENS: dict[Path, str] = {}
"""Made for the tests, by the folder of a demo."""


@dataclass(frozen=True, kw_only=True)
class RunningDemo:
    """What a test may ask of it."""

    folder: DataFolder
    ports: Ports
    environment: dict[str, str]
    """For a shell in which `reclass` commands find the system."""
    output: str
    """What `make demo` printed."""
    seconds: float
    """How long it took until the portal was left running."""

    def reclass(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Run a `reclass` command to its end."""
        return subprocess.run(
            [BIN / "reclass", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a `reclass` command and leave it running."""
        return subprocess.Popen(
            [BIN / "reclass", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def status(self) -> dict[str, Any]:
        """`reclass status --json`."""
        done = self.reclass("status", "--json")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def export(self) -> list[dict[str, Any]]:
        """`reclass export`, a dictionary a song."""
        done = self.reclass("export")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def plex(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask the stand-in for Plex, or tell it something."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports.stand_in}/stand-in/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Plex-Token": self.folder.secret("stand-in-token")},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 # our own server on loopback
            return json.load(answer)

    def plex_genres(self) -> dict[str, tuple[tuple[str, ...], bool]]:
        """Genres and lock of each track as Plex has them now, by rating key."""
        tracks = self.plex("tracks?library=2&size=5000")["tracks"]
        return {str(track["rating_key"]): (tuple(track["genres"]), track["locked"]) for track in tracks}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        environment = environment_of(self.folder.root)
        password = Path(environment["PORTAL_DATABASE_PASSWORD_FILE"]).read_text().strip()
        with psycopg.connect(
            environment["PORTAL_DATABASE_URL"], password=password, autocommit=True
        ) as database:
            cursor = database.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def processes(self, *words: str) -> list[psutil.Process]:
        """The system's processes whose command line has all of these words."""
        return [process for process in system_processes(self.folder) if _says(process, words)]


def system_processes(folder: DataFolder) -> list[psutil.Process]:
    """Everything that runs with the folder in its environment or command line."""
    found = []
    for process in psutil.process_iter():
        try:
            text = " ".join([*process.cmdline(), *process.environ().values()])
        except psutil.Error:
            continue
        if str(folder.root) in text and process.pid != os.getpid():
            found.append(process)
    return found


def wait_until(holds: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait for a condition; fail with its name when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


def token_of_program(demo: RunningDemo) -> str:
    """A token as docs/client.md hands it to other programs; one for all tests of a demo."""
    if demo.folder.root not in TOKENS:
        done = demo.reclass("tokens", "make", "tests")
        assert (done.returncode, done.stderr) == (0, "")
        TOKENS[demo.folder.root] = done.stdout.strip()
    return TOKENS[demo.folder.root]


@contextmanager
def running_demo(*options: str) -> Iterator[RunningDemo]:
    """`reclass demo` in the background, with these options, left running until the end."""
    with tempfile.TemporaryDirectory(prefix="reclass-demo-", dir="/tmp") as base:  # short, for sockets
        Path(base).chmod(0o755)  # the database's user must get through
        folder = DataFolder(root=Path(base).resolve() / "data")
        ports = Ports.free()
        log = Path(base) / "output"
        started = time.monotonic()
        process = _make_demo(folder, ports, log, options)
        try:
            wait_until(
                lambda: "Stop with Ctrl-C" in log.read_text() or process.poll() is not None,
                seconds=START_SECONDS,
                what=f"the demo is done; it printed:\n{log.read_text()[-3000:]}",
            )
            assert process.poll() is None, log.read_text()
            yield RunningDemo(
                folder=folder,
                ports=ports,
                environment={**os.environ, "RECLASS_DATA": str(folder.root)},
                output=log.read_text(),
                seconds=time.monotonic() - started,
            )
        finally:
            _stop(process, folder)


def _make_demo(
    folder: DataFolder, ports: Ports, log: Path, options: Sequence[str]
) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        **{variable(name): str(port) for name, port in ports.items()},
        # The demo must never use these.
        "PLEX_URL": "http://127.0.0.1:9",
        "PLEX_TOKEN": "not-for-the-demo",
        "COLUMNS": "120",
    }
    with log.open("wb") as output:
        return subprocess.Popen(
            [BIN / "reclass", "demo", *options, "--data", str(folder.root)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _stop(process: subprocess.Popen[bytes], folder: DataFolder) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        status = process.wait(STOP_SECONDS)
    finally:
        left = system_processes(folder)
        for leftover in left:
            leftover.kill()
    assert status == 0, f"the demo ended with {status}"
    assert not left, f"processes were left behind: {left}"


def _says(process: psutil.Process, words: tuple[str, ...]) -> bool:
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return all(word in line for word in words)
