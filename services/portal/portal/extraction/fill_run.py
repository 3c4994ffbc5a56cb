"""The fill run: in idle time, the vectors of embeddings for all songs that were analysed without them.

The voting asks later embeddings only of songs of which it is unsure, and leaves most songs without their vectors; songs
are compared by vectors that all of them have.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from portal.extraction.extraction_run import ExtractionRun
from portal.library.embeddings import note_capabilities
from portal.library.models import Track
from portal.library.presence import present
from portal.library.recordings import ANALYSED
from portal.library.stages import lacking, stages_of
from portal.preferences.current import preferences
from portal.preferences.values import Preferences
from portal.registry.embedding_table import EmbeddingRow, embedding_table
from portal.runs.work import RunFailedError, RunJob

A_NIGHT_SECONDS = 8 * 3600.0


@dataclass(frozen=True, kw_only=True)
class ToFill:
    """What is to be filled in."""

    kinds: tuple[str, ...]
    songs: int
    """That were analysed and lack one of them."""
    seconds: float | None
    """About so long, beside reading the files; None where it is not known."""


class FillRun(ExtractionRun):
    """Arguments: `kinds`, the vectors that are to be made. Of songs that were never analysed none is taken."""

    tries_again = False  # idle time does so, and makes these kinds alone

    def select_songs(self, job: RunJob) -> Iterable[int]:
        """Songs that were analysed and lack one of the vectors."""
        settings = preferences()
        features = note_capabilities(job.services.features.capabilities(settings))
        stages = stages_of(features.kinds, job.run.arguments["kinds"])
        job.run.keep(versions=stages.versions, excerpt=settings.excerpt, processes=features.processes)
        if not stages.versions:
            raise RunFailedError("; ".join(f"{kind}: {why}" for kind, why in stages.not_installed.items()))
        return _songs(stages.versions).order_by("pk").values_list("pk", flat=True)


def to_fill(settings: Preferences, rows: Sequence[EmbeddingRow] | None = None) -> ToFill | None:
    """The embeddings that are switched on, can be made and are lacking; as many of the first as a night suffices for,
    unless the setting says always. None where nothing is to be done or the setting says never."""
    if settings.fill_automatically == "never":
        return None
    rows = embedding_table() if rows is None else rows
    wanted = [row for row in rows if row.enabled and row.available and row.lacking and not row.is_first]
    return _of(wanted if settings.fill_automatically == "always" else _of_a_night(wanted))


def all_to_fill(rows: Sequence[EmbeddingRow] | None = None) -> ToFill | None:
    """The same, however long it takes."""
    rows = embedding_table() if rows is None else rows
    return _of([row for row in rows if row.enabled and row.available and row.lacking and not row.is_first])


def _of_a_night(rows: Iterable[EmbeddingRow]) -> list[EmbeddingRow]:
    """The first of these for which together a night suffices; one of unknown cost is none of them."""
    chosen, seconds = [], 0.0
    for row in rows:
        seconds += A_NIGHT_SECONDS + 1 if row.seconds_left is None else row.seconds_left
        if seconds > A_NIGHT_SECONDS:
            break
        chosen.append(row)
    return chosen


def _songs(versions: Mapping[str, str]) -> QuerySet[Track]:
    """That were analysed, and lack one of the vectors."""
    return Track.objects.filter(lacking(versions), present(), analysis__in=ANALYSED).exclude(file="")


def _of(rows: Sequence[EmbeddingRow]) -> ToFill | None:
    songs = _songs({row.kind: row.version for row in rows}).count() if rows else 0
    if not songs:
        return None
    each = [row.seconds_left for row in rows]
    return ToFill(
        kinds=tuple(row.kind for row in rows),
        songs=songs,
        seconds=None if None in each else sum(seconds or 0.0 for seconds in each),
    )
