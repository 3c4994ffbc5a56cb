"""Checks of where state is kept: the database, the room on disks, and whether the clocks agree."""

import os
import shutil
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from portal.commands.doctor.findings import UnwellError
from portal.remote.plex import PlexServer
from portal.setup import OtherVersionError, refuse_other_version

LEAST_FREE_BYTES = 2**30
SLOW_MILLISECONDS = 50.0
# The Date of an HTTP answer has whole seconds, and the answer takes its time.
SKEW_SECONDS = 5.0
ROUNDS = 5
OLDEST_POSTGRESQL = 140000
_HERE = frozenset({"", "localhost", "127.0.0.1", "::1"})
# Its folder lies in the data folder of a system on one machine.
PASSWORD_FILE = "PORTAL_DATABASE_PASSWORD_FILE"  # noqa: S105 # a variable's name


def database() -> str:
    """Version, extension, tables and how long an answer takes."""
    try:
        refuse_other_version()
    except OtherVersionError as error:
        raise UnwellError(str(error)) from error
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise UnwellError(f"{len(missing)} changes of tables are missing: run `python -m portal migrate`")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
        number, version = cursor.fetchone()
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        extension = cursor.fetchone()
    if number < OLDEST_POSTGRESQL:
        raise UnwellError(f"PostgreSQL {version} is too old: use version 14 or newer")
    if extension is None:
        raise UnwellError("the extension pgvector is missing: CREATE EXTENSION vector, as a superuser")
    answer = statistics.median(_milliseconds_of_an_answer() for _ in range(ROUNDS))
    if answer > SLOW_MILLISECONDS:
        raise UnwellError(
            f"an answer takes {answer:.0f} ms: a run asks several times a song, so bring it nearer"
        )
    return (
        f"PostgreSQL {version.split()[0]}, pgvector {extension[0]}, an answer in {answer:.1f} ms, "
        "its tables are up to date"
    )


def data_folder(data: Path | None) -> Path | None:
    """The folder of all state, where this process can see it."""
    if data is not None:
        return data
    secret = os.environ.get(PASSWORD_FILE)
    folder = Path(secret).parent.parent if secret else None
    # In a container the secret is in /run/secrets, and nothing is kept in /run.
    return folder if folder and (folder / "postgres").is_dir() else None


def disk(data: Path | None) -> str:
    """What the database takes, and the room that is left in the folders that can be seen from here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        size: int = cursor.fetchone()[0]
        folders = {"the data folder": data_folder(data), "the database's folder": _database_folder()}
    room = {
        name: (folder, free)
        for name, folder in folders.items()
        if folder is not None and (free := _free_bytes(folder)) is not None
    }
    for name, (folder, free) in room.items():
        if free < LEAST_FREE_BYTES:
            raise UnwellError(
                f"{_as_size(free)} are free for {name} ({folder}): make room, or PostgreSQL stops when it is full"
            )
    seen = "; ".join(f"{_as_size(free)} free for {name} ({folder})" for name, (folder, free) in room.items())
    return f"the database takes {_as_size(size)}; {seen or 'the disk that it is on cannot be seen from here'}"


def clock(plex: Callable[[], PlexServer]) -> str:
    """Whether this machine, the database and Plex agree on the time: schedules and what changed depend on it."""
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        of_database: datetime = cursor.fetchone()[0]
    here = (before + time.time()) / 2
    clocks = {"the database": of_database.timestamp() - here}
    asked = time.time()
    of_plex = plex().server_time
    if of_plex is not None:
        clocks["Plex"] = of_plex.timestamp() - (asked + time.time()) / 2
    wrong = {name: skew for name, skew in clocks.items() if abs(skew) > SKEW_SECONDS}
    if wrong:
        said = ", ".join(f"{name} is {_skew(skew)} of this machine" for name, skew in wrong.items())
        raise UnwellError(f"{said}, where it is {datetime.now(UTC):%H:%M:%S} UTC: set the clocks (NTP)")
    others = " and ".join(clocks)
    unseen = "" if of_plex is not None else "; Plex does not say its time"
    return f"this machine and {others} agree within {SKEW_SECONDS:.0f} s{unseen}"


def _milliseconds_of_an_answer() -> float:
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return 1000 * (time.perf_counter() - started)


def _database_folder() -> Path | None:
    """Where the database is kept, when it says so and this machine has that folder."""
    with connection.cursor() as asked:
        asked.execute("SELECT pg_has_role(current_user, 'pg_read_all_settings', 'member')")
        if not asked.fetchone()[0]:
            return None
        asked.execute("SHOW data_directory")
        folder = Path(asked.fetchone()[0])
    host = str(connection.settings_dict["HOST"])
    return folder if host in _HERE or host.startswith("/") else None


def _free_bytes(folder: Path) -> int | None:
    """None for a folder of another machine, or one that this user may not see."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _as_size(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def _skew(seconds: float) -> str:
    return f"{abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}"
