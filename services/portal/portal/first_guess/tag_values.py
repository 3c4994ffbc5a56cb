"""The tags of each recording, as its vector ends with them: read in chunks, as bytes."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
from django.db import connection

from portal.first_guess.known_tags import TagSource

AT_ONCE = 5_000
"""Recordings in a chunk: a megabyte."""
# pgvector's binary form begins with the width and two bytes that it does not use.
_HEADER_BYTES = 4
_TAGS = """
SELECT audio_id, subvector(x, vector_dims(x) - %(width)s + 1, %(width)s) AS tags FROM (
  SELECT audio_id, COALESCE("values", half_values::vector) AS x FROM library_vector
  WHERE kind = %(kind)s AND version = %(version)s
) v WHERE vector_dims(x) >= %(width)s
"""
_MEAN = f"SELECT count(*), avg(tags) FROM ({_TAGS}) t"  # noqa: S608 # our own words


def mean_tags(source: TagSource) -> tuple[int, npt.NDArray[np.float32]]:
    """How many recordings have tags, each once however many songs have it, and the mean of each tag over them."""
    with _cursor() as cursor:
        row = cursor.execute(_MEAN, _parameters(source), binary=True).fetchone()
    if row is None or not row[0]:
        return 0, np.zeros(len(source.tags), np.float32)
    return row[0], _floats([row[1]])[0]


def each_tags(source: TagSource) -> Iterator[tuple[Sequence[int], npt.NDArray[np.float32]]]:
    """Ids of recordings, and their tags, of shape [recordings, tags]. Within a transaction."""
    # On the server: else all of it would come at once.
    with psycopg.ServerCursor(connection.connection, "tags_of_songs") as cursor:
        cursor.itersize = AT_ONCE
        rows = iter(cursor.execute(_TAGS, _parameters(source), binary=True))
        while chunk := list(islice(rows, AT_ONCE)):
            yield [audio_id for audio_id, _ in chunk], _floats([tags for _, tags in chunk])


def _cursor() -> "psycopg.Cursor[Any]":
    connection.ensure_connection()
    return psycopg.Cursor(connection.connection)


def _parameters(source: TagSource) -> dict[str, Any]:
    return {"kind": source.kind, "version": source.version, "width": len(source.tags)}


def _floats(stored: Sequence[bytes]) -> npt.NDArray[np.float32]:
    rows = np.frombuffer(b"".join(stored), ">f4").reshape(len(stored), -1)
    return rows[:, _HEADER_BYTES // 4 :].astype(np.float32)
