"""Who does a job holds a lock of the database for so long: heartbeats alone may be late, and two would do it at once.

The lock belongs to the worker's connection. A worker that is killed loses both at once; one that is busy, stopped or
starved keeps them, however late its heartbeat is.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

# The upper half of the lock's number, apart from locks of others: "job".
SPACE = 0x6A6F62 << 40


@contextmanager
def held(job_id: int | None) -> Iterator[None]:
    """Hold a job while it is done; wait for whoever holds it still."""
    if job_id is None:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_number(job_id)])
    try:
        yield
    finally:
        # A connection that is broken, or was opened anew, holds nothing any more.
        if connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_number(job_id)])


def is_held(job_id: int | None) -> bool:
    """Whether a worker that has its connection still is at work on it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_number(job_id)])
        (free,) = cursor.fetchone() or (False,)
    return not free


def break_off(job_id: int | None) -> None:
    """Take the connection from a worker that does not come back: it cannot write any more, and the job is free."""
    upper, lower = divmod(_number(job_id), 2**32)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND classid = %s AND objid = %s AND objsubid = 1",
            [upper, lower],
        )


def _number(job_id: int | None) -> int:
    return SPACE + (job_id or 0)
