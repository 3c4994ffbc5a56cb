"""Vectors in the database: kept in the precision that their kind needs, read as bytes and never as single numbers."""

import struct
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence

import psycopg
from django.db import connection
from django.db.models import Count, Exists, OuterRef

from portal.library.models import Vector
from portal.remote.audio import FMA, FMA_NATIVE, VectorValues

# Their values are the reference's numbers, 518 of very different sizes: they stay as they were computed.
EXACT = frozenset({FMA, FMA_NATIVE})
LARGEST_HALF = 65504.0
# pgvector's binary form: the width, two bytes that it does not use, then the values, the highest byte first.
_HEADER_BYTES = 4
_HEADER = struct.Struct(">HH")
_OF_AUDIO = """
    SELECT audio_id, kind, version, COALESCE("values", half_values::vector) FROM library_vector
    WHERE audio_id = ANY(%s) ORDER BY audio_id, kind, version
"""


def has_vectors() -> Exists:
    """Whether there are any of a song's audio, whatever their kind and version."""
    return Exists(Vector.objects.filter(audio=OuterRef("audio")))


def usual_version(kind: str) -> str:
    """The version that most vectors of a kind have; empty where there are none."""
    versions = Vector.objects.filter(kind=kind).values_list("version")
    most = versions.annotate(number=Count("pk")).order_by("-number", "version").first()
    return most[0] if most else ""


def store_vectors(by_audio: Mapping[int, Sequence[VectorValues]]) -> None:
    """Keep vectors of audio rows; one that is there already stays, for the same version has the same values."""
    rows = [_row(audio_id, vector) for audio_id, vectors in by_audio.items() for vector in vectors]
    Vector.objects.bulk_create(rows, ignore_conflicts=True)


def stored_vectors(audio_ids: Iterable[int]) -> dict[int, tuple[VectorValues, ...]]:
    """The vectors of these audio rows that have any."""
    connection.ensure_connection()
    found: dict[int, tuple[VectorValues, ...]] = {}
    # Django's own cursors read text: the digits of a thousand numbers a song, which cost more than everything else.
    with psycopg.Cursor(connection.connection) as cursor:
        rows = cursor.execute(_OF_AUDIO, [list(audio_ids)], binary=True)
        for audio_id, kind, version, stored in rows:
            vector = VectorValues(kind=kind, version=version, values=floats(stored))
            found[audio_id] = (*found.get(audio_id, ()), vector)
    return found


def _row(audio_id: int, vector: VectorValues) -> Vector:
    row = Vector(audio_id=audio_id, kind=vector.kind, version=vector.version)
    if vector.kind in EXACT or max(map(abs, vector.values), default=0.0) > LARGEST_HALF:
        row.values = vector.values.tolist()
    else:
        row.half_values = vector.values.tolist()
    return row


def floats(stored: bytes) -> "array[float]":
    """The values of a vector as PostgreSQL sends it."""
    values = array("f", stored[_HEADER_BYTES:])
    if sys.byteorder == "little":
        values.byteswap()
    return values


def packed(values: "array[float]") -> bytes:
    """A vector as PostgreSQL takes it."""
    sent = values[:]
    if sys.byteorder == "little":
        sent.byteswap()
    return _HEADER.pack(len(sent), 0) + sent.tobytes()
