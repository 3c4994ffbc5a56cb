"""supervisord and the talk with it: it starts programs when told, restarts what dies, and stops all in order."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from runtime.private_files import write_private
from supervisor.xmlrpc import SupervisorTransport

from standalone.errors import PartFailedError
from standalone.host.data_folder import DataFolder, open_private
from standalone.processes.program import Program, Tier, group_name, supervisor_file, write_program

# A socket's path takes 107 bytes at most, and supervisord first binds a name with its process id behind it.
LONGEST_SOCKET_PATH = 107 - len(".1234567")
POLL_SECONDS = 0.1
ANSWER_SECONDS = 20.0
STOP_SECONDS = 25.0
KILL_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class ProgramState:
    """What supervisord knows of a program."""

    running: bool
    """It runs, and has for a second."""
    ended: bool
    """It does not run, not even for a moment."""
    pid: int
    """Its process; 0 where there is none."""
    started_at: int
    """When it was last started, seconds since 1970."""


class Supervision:
    """The supervisor of one system; `start` it, then start programs by name, at last `stop` all."""

    def __init__(self, folder: DataFolder, programs: list[Program], environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._programs = {program.name: program for program in programs}
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: Any = None
        self._server: Any = None
        self._socket_folder: Path | None = None

    def start(self) -> None:
        """Start supervisord with no program running, and wait until it answers."""
        socket = self._socket()
        text = supervisor_file(list(self._programs.values()), socket=socket, as_root=os.geteuid() == 0)
        write_private(self._folder.run / "supervisord.conf", text)
        leash = write_program(self._supervisord(), self._folder.run, parent=os.getpid())
        with open_private(self._folder.logs / "supervisord.out") as output:
            # A session of its own: Ctrl-C on the terminal must reach `reclass up` alone.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "standalone.processes.leash", str(leash)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**self._environment, "PYTHONSAFEPATH": "1"},
                start_new_session=True,
            )
        for program in self._programs.values():
            write_program(program, self._folder.run, parent=self._process.pid)
        self._wait_for_answer(socket)

    def start_program(self, name: str) -> None:
        """Start a program without waiting for it."""
        self._ask("startProcess", f"{group_name(self._programs[name].tier)}:{name}", False)

    def states(self) -> dict[str, ProgramState]:
        """Every program's state by name."""
        return {
            info["name"]: ProgramState(
                running=info["statename"] == "RUNNING",
                ended=info["pid"] == 0,
                pid=info["pid"],
                started_at=info["start"],
            )
            for info in self._ask("getAllProcessInfo")
        }

    def wait(self) -> int:
        """Wait for the end of supervisord, which nothing but a failure or `stop` brings."""
        return self._process.wait() if self._process else 0

    def stop(self) -> None:
        """Stop the tiers one after another, then whatever is left below the supervisor."""
        if self._process is None:
            return
        self._transport.close()
        below = _descendants(self._process.pid)
        self._process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            below |= _descendants(self._process.pid)
            time.sleep(POLL_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        end_processes(below)
        if self._socket_folder:
            shutil.rmtree(self._socket_folder)
            self._socket_folder = None
        self._process = None

    def _socket(self) -> Path:
        socket = self._folder.run / "supervisor.sock"
        if len(os.fsencode(socket)) > LONGEST_SOCKET_PATH:
            self._socket_folder = Path(tempfile.mkdtemp(prefix="reclass-"))
            socket = self._socket_folder / socket.name
        socket.unlink(missing_ok=True)
        return socket

    def _supervisord(self) -> Program:
        return Program(
            name="supervisord",
            command=(sys.executable, "-m", "supervisor.supervisord", "-c", "supervisord.conf"),
            environment={**self._environment, "RECLASS_PYTHON": sys.executable},
            tier=Tier.DATABASE,
            directory=self._folder.run,
            adopts_orphans=True,
        )

    def _ask(self, method: str, *arguments: object) -> Any:
        try:
            return getattr(self._server, method)(*arguments)
        except OSError as error:
            raise self._failure(error) from error

    def _wait_for_answer(self, socket: Path) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            # A transport that failed once stays broken.
            self._transport = SupervisorTransport(None, None, f"unix://{socket}")
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=self._transport)
            self._server = proxy.supervisor
            try:
                self._server.getState()
            except OSError as error:
                self._transport.close()
                ended = self._process is not None and self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise self._failure(error) from error
                time.sleep(POLL_SECONDS)
            else:
                return

    def _failure(self, error: OSError) -> PartFailedError:
        log = self._folder.logs / "supervisord.out"
        tail = log.read_text(errors="replace").strip()
        return PartFailedError("supervisord", f"it does not answer: {error}", log=log, tail=tail)


def end_processes(processes: set[psutil.Process]) -> None:
    """Ask each to end, then kill it; those that ended already cost nothing."""
    for process in processes:
        if process.is_running():
            _send(process, signal.SIGTERM)
    _, left = psutil.wait_procs(processes, timeout=KILL_SECONDS)
    for process in left:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(left, timeout=KILL_SECONDS)


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _descendants(pid: int) -> set[psutil.Process]:
    try:
        return set(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return set()
