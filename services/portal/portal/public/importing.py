"""Takes songs of a public table into the database, and out again; what is there already stays as it is."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction

from portal.library.vectors import packed
from portal.public.fma_layout import VERSION
from portal.public.fma_tables import FmaTables
from portal.public.models import FMA, PublicSong

_COLUMNS = '"table", key, artist, tag, version, "values"'
_INCOMING = """
    CREATE TEMPORARY TABLE incoming (
        "table" text, key text, artist text, tag text, version text, "values" vector
    )
"""
_TAKE = f"""
    WITH taken AS (
        INSERT INTO public_publicsong ({_COLUMNS}) SELECT {_COLUMNS} FROM incoming
        ON CONFLICT ("table", key) DO UPDATE SET
            artist = excluded.artist, tag = excluded.tag, version = excluded.version, "values" = excluded."values"
        WHERE (public_publicsong.artist, public_publicsong.tag, public_publicsong.version, public_publicsong."values")
            IS DISTINCT FROM (excluded.artist, excluded.tag, excluded.version, excluded."values")
        RETURNING xmax = 0 AS new
    ) SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new) FROM taken
"""  # noqa: S608 # our own names of columns
LONGEST_ARTIST, LONGEST_TAG = 1000, 200


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import came to."""

    new: int
    changed: int
    unchanged: int


def import_fma(tables: FmaTables, watch: Callable[[int], None]) -> Imported:
    """Take every track with a genre; the whole or, after an error, nothing. `watch` is told how many were read.

    The rows go to PostgreSQL as they are read, their values as bytes: a hundred thousand songs never lie in memory, and
    neither side writes or reads digits.
    """
    count = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_INCOMING)
        with cursor.copy(f"COPY incoming ({_COLUMNS}) FROM STDIN (FORMAT binary)") as copy:
            for track, values in tables.read_values():
                artist, tag = track.artist_name[:LONGEST_ARTIST], track.genre[:LONGEST_TAG]
                copy.write_row((FMA, str(track.track_id), artist, tag, VERSION, packed(values)))
                count += 1
                watch(count)
        cursor.execute(_TAKE)
        new, changed = cursor.fetchone()
        cursor.execute("DROP TABLE incoming")
    return Imported(new=new, changed=changed, unchanged=count - new - changed)


def forget() -> int:
    """Take all songs of public tables out; how many there were."""
    count, _ = PublicSong.objects.all().delete()
    return count
