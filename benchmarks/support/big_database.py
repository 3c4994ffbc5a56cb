"""A PostgreSQL of its own for a benchmark, with the portal's tables and a library of the size that is asked for."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from postgres_server import PostgresServer, postgres_server

SONGS = int(os.environ.get("BENCH_SONGS", "100000"))
# As the standalone system runs it: every commit is on disk before it counts.
DURABLE = ("max_connections=60",)


@contextmanager
def big_database(songs: int = SONGS, *, vectors: bool = True) -> Iterator[PostgresServer]:
    """A server with the tables of this version and so many songs; Django is set up for it."""
    with postgres_server(options=DURABLE) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE reclass")
        _use(server)
        from big_library import fill
        from django.db import connection as ours
        from portal.setup import migrate

        migrate(wait_seconds=10)
        started = time.perf_counter()
        fill(songs, vectors=vectors)
        with ours.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        print(f"{songs:,} songs made in {time.perf_counter() - started:.0f} s\n")
        try:
            yield server
        finally:
            ours.close()


def _use(server: PostgresServer) -> None:
    os.environ |= {
        "PORTAL_DATABASE_URL": server.url("reclass"),
        "PORTAL_SECRET_KEY": "of a benchmark, and of as many characters as a key must have",
        "PORTAL_ALLOWED_HOSTS": "testserver",
        "DJANGO_SETTINGS_MODULE": "portal.django_settings",
    }
    import django
    from django.conf import settings
    from django.db import connections

    django.setup()
    # Another benchmark of this process had a server of its own.
    connections["default"].close()
    connections["default"].settings_dict.update(HOST=str(server.socket_folder), PORT="", NAME="reclass")
    settings.ALLOWED_HOSTS = ["testserver"]
