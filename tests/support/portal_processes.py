"""The portal as processes on a PostgreSQL of their own, for tests that take one or the other away.

Processes are started anew when they end with another status than 0, as a supervisor or `restart: always` does.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from features_stand_in import FeaturesStandIn
from plex_stand_in import TOKEN, Control
from postgres_server import PostgresServer, postgres_server
from reclass.features.v1 import features_pb2
from runtime.testing import running_server
from stand_in_services import InferenceStandIn, registered
from sync.library import PlexMusic
from sync.plex import Plex, PlexAddress, Timeouts
from sync.servicer import SERVICE_NAME, SyncServicer

RECLASS = str(Path(sys.executable).with_name("reclass"))
SONGS = 12
STALLED_SECONDS = 2.0


@dataclass
class SlowFeatures(FeaturesStandIn):
    """Extracts a song in a tenth of a second, or when it is let."""

    gate: threading.Event = field(default_factory=threading.Event)
    at_work: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    """How many calls were at work on one song at the same time, at most."""

    def Extract(self, request: features_pb2.ExtractRequest, context: Any) -> features_pb2.ExtractResponse:
        key = request.audio.rating_key
        self.at_work[key] += 1
        self.most_at_once = max(self.most_at_once, self.at_work[key])
        try:
            self.gate.wait(30)
            threading.Event().wait(0.1)
            return super().Extract(request, context)
        finally:
            self.at_work[key] -= 1


class Kept:
    """A process that is started anew whenever it ends, until it is let go."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._command, self._environment, self._log = command, environment, log
        self._let_go = threading.Event()
        self.statuses: list[int] = []
        self.process = self._start()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def let_go(self) -> None:
        self._let_go.set()
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self._thread.join()

    def said(self) -> str:
        return self._log.read_text()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)

    def _keep(self) -> None:
        while True:
            status = self.process.wait()
            if self._let_go.is_set():
                return
            self.statuses.append(status)
            self._let_go.wait(0.2)
            self.process = self._start()


@dataclass(kw_only=True)
class System:
    """A portal of processes on a database of its own."""

    postgres: PostgresServer
    features: SlowFeatures
    environment: dict[str, str]
    folder: Path
    stack: ExitStack

    def keep(self, *arguments: str, name: str) -> Kept:
        kept = Kept(
            [sys.executable, "-m", "portal", *arguments], self.environment, self.folder / f"{name}.log"
        )
        self.stack.callback(kept.let_go)
        return kept

    def reclass(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [RECLASS, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [RECLASS, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.stack.callback(process.communicate)
        self.stack.callback(process.kill)
        return process

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.url("reclass"), autocommit=True) as database:
            return database.execute(sql.encode()).fetchall()

    def is_healthy(self) -> bool:
        """Whether the web pages say so."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.environment['PORTAL_PORT']}/healthz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def one(self, sql: str) -> Any:
        return self.query(sql)[0][0]


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


@contextmanager
def portal_of_processes(plex: Control, folder: Path, web_port: int) -> Iterator[System]:
    """Its database is up to date and empty; the services answer from threads of this process."""
    music = PlexMusic(
        Plex(
            PlexAddress(url=plex.stand_in.url, token=TOKEN),
            Timeouts(connect_seconds=1, read_seconds=2),
        )
    )
    plex.ask("POST", "reset")
    features = SlowFeatures()
    features.gate.set()
    handlers = {SERVICE_NAME: SyncServicer(music).register, **registered(features, InferenceStandIn())}
    with ExitStack() as stack:
        server = stack.enter_context(running_server(handlers))
        postgres = stack.enter_context(postgres_server())
        target = f"127.0.0.1:{server.port}"
        environment = {
            **os.environ,
            "PORTAL_DATABASE_URL": postgres.url("reclass"),
            "PORTAL_SECRET_KEY": "only for this test, and of as many characters as a key must have",
            "PORTAL_PORT": str(web_port),
            "PORTAL_SYNC_TARGET": target,
            "PORTAL_FEATURES_TARGET": target,
            "PORTAL_INFERENCE_TARGET": target,
            "PORTAL_STALLED_AFTER_SECONDS": str(STALLED_SECONDS),
            "PORTAL_CHUNK_SIZE": "4",
            "PORTAL_WORKER_CONCURRENCY": "1",
        }
        with psycopg.connect(postgres.url(), autocommit=True) as database:
            database.execute("CREATE DATABASE reclass")
        migrate = [sys.executable, "-m", "portal", "migrate"]
        subprocess.run(migrate, env=environment, check=True, timeout=120)
        running = System(
            postgres=postgres,
            features=features,
            environment=environment,
            folder=folder,
            stack=ExitStack(),
        )
        try:
            yield running
        finally:
            features.gate.set()
            running.stack.close()
    music.close()


@contextmanager
def outage(postgres: PostgresServer, seconds: float, *, kill: bool) -> Iterator[None]:
    """The database away for so long."""
    if kill:
        postgres.kill()
    else:
        postgres.stop()
    yield
    threading.Event().wait(seconds)
    postgres.start()


def outlive_an_outage(system: System, seconds: float, *, kill: bool) -> None:
    """An extraction, with the database away in its middle, ends by itself with the features of every song."""
    worker = system.keep("worker", name="worker")
    web = system.keep("web", name="web")
    assert system.reclass("sync", "--library", "Music").returncode == 0
    extract = system.begin("extract")
    wait_until(lambda: len(system.features.extracted) >= 3)
    with outage(system.postgres, seconds, kill=kill):
        pass
    output, _ = extract.communicate(timeout=120)
    assert extract.returncode == 0, output + worker.said()
    assert system.one("SELECT count(*) FROM library_track WHERE analysis = 'extracted'") == SONGS
    assert set(system.features.extracted) == {str(1000 + number) for number in range(1, SONGS + 1)}
    assert system.features.most_at_once == 1
    # A container is started anew only when its process says that it failed; the web needs no new start.
    assert worker.statuses
    assert 0 not in worker.statuses
    assert web.statuses == []
    wait_until(system.is_healthy)
