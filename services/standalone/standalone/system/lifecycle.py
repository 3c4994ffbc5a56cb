"""The whole system on one machine, without containers: started, watched and stopped as one thing."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from runtime.private_files import write_private

from standalone.errors import MissingPartError, PartFailedError
from standalone.host.certificates import ensure_certificates
from standalone.host.data_folder import DataFolder, open_private, real_root
from standalone.host.environment import write_environment
from standalone.host.lock import RunLock
from standalone.host.ports import LOOPBACK, check_ports
from standalone.processes.leftovers import end_leftovers
from standalone.processes.startup import Observe, Progress, Startup, tail_of
from standalone.processes.supervision import Supervision
from standalone.system import postgres
from standalone.system.environments import (
    TRITON_CALLERS,
    part_environment,
    portal_environment,
    postgres_environment,
)
from standalone.system.plan import Plan
from standalone.system.programs import database_probe, probes, programs


def _say_nothing(part: str, progress: Progress) -> None:
    """Observe a start without showing it."""


class System:
    """One system on one data folder; a context that stops it at its end.

    Use it from the main thread: the supervisor ends when the thread that started it does.
    """

    def __init__(self, plan: Plan, *, timeout_seconds: float = 180.0) -> None:
        self._plan = plan
        self._folder = plan.folder
        self._timeout_seconds = timeout_seconds
        self._lock = RunLock(plan.folder.lock)
        self._supervision: Supervision | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Where the portal is."""
        return f"http://{LOOPBACK}:{self._plan.ports.web}/"

    @property
    def environment(self) -> dict[str, str]:
        """What a process of the portal needs, as a difference to the environment of this one."""
        return {
            "no_proxy": LOOPBACK,
            "NO_PROXY": LOOPBACK,
            "RECLASS_FIRST_PASSWORD_FILE": str(self._folder.admin_password),
            **portal_environment(self._plan),
        }

    def start(self, observe: Observe = _say_nothing) -> None:
        """Bring everything up; on any failure stop what was started and raise.

        1. Take the folder, end what a killed run left on it, check ports and Triton's environment.
        2. Start the supervisor, the database, and bring the tables up to date.
        3. Start the rest at once, and wait until each part says that it is healthy.
        """
        self._folder.prepare()
        self._lock.acquire()
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._bring_up(observe)
            undo.pop_all()

    def wait(self) -> None:
        """Wait for ever; a signal's exception ends it, and so does the death of the supervisor."""
        if self._supervision:
            status = self._supervision.wait()
            log = self._folder.logs / "supervisord.log"
            raise PartFailedError("supervisord", f"it ended with {status}", log=log, tail=tail_of(log))

    def stop(self) -> None:
        """Stop all parts in order and let the folder go; a second call does nothing."""
        if self._supervision:
            self._folder.environment.unlink(missing_ok=True)
            self._supervision.stop()
            self._supervision = None
        self._lock.release()

    def run_portal(self, command: str) -> str:
        """Run a command of the portal to its end and return what it printed."""
        log = self._folder.logs / f"{command}.log"
        with open_private(log) as errors:
            done = subprocess.run(
                [sys.executable, "-m", "portal", command],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd="/",
                env=part_environment(self._plan, "portal") | portal_environment(self._plan),
            )
        if done.returncode:
            printed = done.stdout.decode(errors="replace")
            raise PartFailedError(
                f"portal {command}", f"it ended with {done.returncode}", log=log, tail=printed + tail_of(log)
            )
        return done.stdout.decode()

    def _bring_up(self, observe: Observe) -> None:
        end_leftovers(self._folder)
        check_ports(self._plan.ports, unused=self._plan.unused_ports())
        check_triton(self._plan)
        ensure_certificates(self._folder.certificates, TRITON_CALLERS)
        account = postgres.prepare_account(self._folder.postgres)
        binaries = postgres.usable_binaries(account)
        started = programs(self._plan, binaries)
        self._supervision = Supervision(self._folder, started, part_environment(self._plan))
        self._supervision.start()
        startup = Startup(
            self._supervision, self._folder, timeout_seconds=self._timeout_seconds, observe=observe
        )
        postgres.initialise(binaries, self._folder, environment=postgres_environment(self._plan))
        startup.bring_up(["postgres"], {"postgres": database_probe(self._plan)})
        self._prepare_database(observe)
        rest = [program.name for program in started if program.name != "postgres"]
        startup.bring_up(rest, probes(self._plan))
        write_environment(self._folder, self.environment)

    def _prepare_database(self, observe: Observe) -> None:
        observe("tables", Progress.STARTING)
        postgres.prepare_database(
            self._plan.ports.postgres,
            administrator_password=self._folder.secret("database-administrator"),
            password=self._folder.secret("database"),
        )
        self.run_portal("migrate")
        made_up = self.run_portal("ensure-admin").strip()
        if made_up:
            # At once: should a later step fail, nobody would ever know it.
            write_private(self._folder.admin_password, f"{made_up}\n")
        observe("tables", Progress.READY)


def check_triton(plan: Plan) -> None:
    """Triton's environment is another than ours, so it may be missing."""
    for path in (plan.triton_python, plan.triton_folder / "launch.py"):
        if not os.access(path, os.R_OK):
            raise MissingPartError(
                f"Triton cannot be started: {path} is missing. Run: make install "
                "(or set RECLASS_TRITON_PYTHON and RECLASS_TRITON_FOLDER)"
            )


def data_folder(root: Path) -> DataFolder:
    """The folder by its real path, as processes report it. Raises FolderError."""
    return DataFolder(root=real_root(root))
