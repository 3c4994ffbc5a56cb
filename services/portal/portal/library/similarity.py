"""Songs that sound alike: by the cosine of vectors that all songs have, brought to one scale. Never a mix of two kinds.

The space is that of the first embedding that is switched on, from when every song that was analysed has its vector;
FMA's values until then.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.core.cache import cache as remembered
from django.db import DataError, connection, transaction
from runtime.telemetry import get_logger

from portal.library.models import Embedding, SimilaritySpace, Track, Vector
from portal.library.presence import present, unchosen_libraries
from portal.library.recordings import ANALYSED
from portal.library.stages import lacking
from portal.remote.audio import FMA

log = get_logger(__name__)

REMEMBERED_SECONDS = 60
# Of some songs an embedding cannot be made, too short ones for one: these keep nobody from it, nor does a single one.
WITHOUT = 0.001
# More vectors change a mean and a deviation by less than a percent.
MOST_MEASURED = 20_000
GROWN = 1.5
_KEY = "similarity-space"
_VALUES = 'COALESCE("values", half_values::vector)'
_SOME = f"""
    SELECT vector_send({_VALUES}) FROM library_vector WHERE kind = %(kind)s AND version = %(version)s
    ORDER BY audio_id LIMIT %(most)s
"""  # noqa: S608 # names of ours
_HEADER_BYTES = 4
_VECTORS_AT_ONCE = 1000
# Values that differ by less say nothing beside the others, and their scale would leave single precision.
_SAME = 1e-12
_SMALLEST = 1e-30
# Scaled values of this size neither vanish in single precision, as tiny ones over a large deviation would, nor do the
# squares of many of them leave it.
_SCALED = 1e6
_PRESENT = "t.removed_time IS NULL AND NOT t.library_id = ANY(%(unchosen)s)"
_NEAREST = f"""
    WITH asked AS (
        SELECT ({_VALUES} - %(mean)s::vector) * %(scale)s::vector AS v FROM library_vector
        WHERE audio_id = %(audio)s AND kind = %(kind)s AND version = %(version)s
    )
    , near AS (
        SELECT audio_id, ({_VALUES} - %(mean)s::vector) * %(scale)s::vector <=> (SELECT v FROM asked) AS distance
        FROM library_vector v
        WHERE kind = %(kind)s AND version = %(version)s AND audio_id <> %(audio)s AND EXISTS (SELECT FROM asked)
            AND EXISTS (SELECT FROM library_track t WHERE t.audio_id = v.audio_id AND {_PRESENT})
        ORDER BY distance LIMIT %(most)s
    )
    SELECT (SELECT min(t.id) FROM library_track t WHERE t.audio_id = near.audio_id AND {_PRESENT}), 1 - distance
    FROM near WHERE distance <> 'NaN' ORDER BY distance
"""  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class Space:
    """What songs are compared by."""

    kind: str
    version: str
    name: str


@dataclass(frozen=True, kw_only=True)
class SimilarSong:
    """A song that sounds like another."""

    track: Track
    cosine: float
    """Of their vectors, -1 to 1."""


def space() -> Space | None:
    """What songs are compared by now; None while no song was analysed. At most a minute old."""
    known: Space | None = remembered.get(_KEY)
    if known is None:
        known = _space()
        remembered.set(_KEY, known, REMEMBERED_SECONDS)
    return known


def nearest(track: Track, most: int = 10) -> list[SimilarSong]:
    """The songs in Plex that sound most like this one, the likest first; none where it has no vector of the space.

    A recording comes once, and other copies of its own do not.
    """
    by = space()
    if by is None or track.audio_id is None:
        return []
    scaling = _scaling(by)
    if scaling is None:
        return []
    asked: dict[str, Any] = {
        "kind": by.kind,
        "version": by.version,
        "mean": str(scaling.mean),
        "scale": str(scaling.scale),
        "audio": track.audio_id,
        "most": most,
        "unchosen": unchosen_libraries(),
    }
    found = _nearest(asked)
    tracks = Track.objects.in_bulk([pk for pk, _ in found])
    return [SimilarSong(track=tracks[pk], cosine=cosine) for pk, cosine in found if pk in tracks]


def _nearest(asked: dict[str, Any]) -> list[tuple[int, float]]:
    """Tracks and their cosines; none where a vector lies so far out that its distance leaves single precision."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_NEAREST, asked)
            found: list[tuple[int, float]] = cursor.fetchall()
    except DataError as error:
        log.warning("songs cannot be compared", kind=asked["kind"], reason=str(error))
        return []
    return found


def _space() -> Space | None:
    rows = list(Embedding.objects.exclude(version=""))
    embedding = next((row for row in rows if row.kind != FMA and row.enabled), None)
    first = next((row for row in rows if row.kind == FMA), None)
    chosen = embedding if embedding and _all_have(embedding) else first
    return Space(kind=chosen.kind, version=chosen.version, name=chosen.name) if chosen else None


def _all_have(embedding: Embedding) -> bool:
    """Whether every song that was analysed has its vector of the present version."""
    songs = Track.objects.filter(present(), analysis__in=ANALYSED).exclude(file="")
    without = songs.filter(lacking({embedding.kind: embedding.version})).count()
    count = songs.count()
    return without <= max(1, WITHOUT * count) and without < count


def _scaling(by: Space) -> SimilaritySpace | None:
    """How values of the space are scaled, computed anew where it is another space or has grown."""
    vectors = Vector.objects.filter(kind=by.kind, version=by.version)
    row = SimilaritySpace.objects.filter(kind=by.kind, version=by.version).first()
    if row is not None and (row.vectors >= MOST_MEASURED or vectors.count() < GROWN * row.vectors):
        return row
    return _measure(by, vectors.count())


@transaction.atomic
def _measure(by: Space, count: int) -> SimilaritySpace | None:
    measured = _mean_and_deviation(_vectors(by))
    if measured is None:
        return None
    mean, deviation = measured
    SimilaritySpace.objects.exclude(kind=by.kind, version=by.version).delete()
    row, _ = SimilaritySpace.objects.update_or_create(
        kind=by.kind,
        version=by.version,
        defaults={
            "mean": np.where(np.abs(mean) < _SMALLEST, 0.0, mean).tolist(),
            "scale": _scale(deviation).tolist(),
            "vectors": min(count, MOST_MEASURED),
        },
    )
    return row


def _vectors(by: Space) -> Iterator[np.ndarray]:
    """Vectors of the space, shape (up to 1000, length), float64."""
    asked: dict[str, Any] = {"kind": by.kind, "version": by.version, "most": MOST_MEASURED}
    with connection.chunked_cursor() as cursor:
        cursor.execute(_SOME, asked)
        while rows := cursor.fetchmany(_VECTORS_AT_ONCE):
            yield np.stack([np.frombuffer(row[0], ">f4", offset=_HEADER_BYTES) for row in rows]).astype(float)


def _mean_and_deviation(portions: Iterator[np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """Of each value, over portions of vectors, by Chan, Golub and LeVeque (1979), whose sums cancel nothing out."""
    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for vectors in portions:
        own, off = len(vectors), vectors.mean(axis=0) - mean
        squares = squares + vectors.var(axis=0) * own + off**2 * count * own / (count + own)
        mean = mean + off * own / (count + own)
        count += own
    return (mean, np.sqrt(squares / count)) if count else None


def _scale(deviation: np.ndarray) -> np.ndarray:
    """One over each deviation, all by one factor, which no cosine notices; 0 for a value that is always the same."""
    largest = float(deviation.max())
    differs = deviation > max(_SAME * largest, _SMALLEST)
    scale = min(largest, _SCALED) / np.where(differs, deviation, 1.0)
    return np.where(differs, scale, 0.0)
