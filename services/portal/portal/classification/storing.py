"""Keeps the verdicts of songs: many in one transaction, in which their rows are held."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.db import transaction
from runtime.errors import RemoteError

from portal.classification.requests import Answer
from portal.extraction.extraction_run import (
    ANOTHER_FILE,
    FORGOTTEN,
    GONE,
    OF_THE_FILE,
    store_extraction,
    succeed,
)
from portal.extraction.failures import mark, note_failure
from portal.library.models import Analysis, Track
from portal.library.recordings import PREDICTED
from portal.library.vectors import store_vectors
from portal.remote.inference import Classification
from portal.runs.work import DONE, Outcome, Verdict
from portal.verdicts.predictions import GenreUnknownError, genre_id, store_predictions

NO_MODEL_MESSAGE = "There is no trained model: run `reclass train` first."
GENRE_UNKNOWN = "GENRE_UNKNOWN"
# A crash has so much classified again; a transaction for each song would cost more than classifying it.
PORTION = 250
PORTION_SECONDS = 0.5
Portion = Sequence[tuple[Track, Answer]]


def portions(answers: Iterable[tuple[Track, Answer]]) -> Iterator[Portion]:
    """Answers in portions to store. One for which audio was read, or that failed, is not kept waiting for others."""
    waiting: list[tuple[Track, Answer]] = []
    began = time.monotonic()
    for track, answer in answers:
        if not waiting:
            began = time.monotonic()
        waiting.append((track, answer))
        took_long = isinstance(answer, RemoteError) or bool(answer.extraction.content_key)
        if took_long or len(waiting) >= PORTION or time.monotonic() - began >= PORTION_SECONDS:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def keep(portion: Portion, genres: dict[str, int]) -> Iterator[tuple[int, Outcome]]:
    """Store a portion; what became of each song. One that failed takes nothing from the others."""
    said = [(track, answer) for track, answer in portion if not isinstance(answer, RemoteError)]
    yield from _keep_said(said, genres).items()
    for track, answer in portion:
        if isinstance(answer, RemoteError):
            exists = Track.objects.filter(pk=track.pk).exists()
            yield track.pk, note_failure(track, answer) if exists else GONE


@transaction.atomic
def _keep_said(said: Sequence[tuple[Track, Classification]], genres: dict[str, int]) -> dict[int, Outcome]:
    # Held in the order of their ids, as a training does that ends now: two orders could wait for each other.
    rows = {
        row.pk: row
        for row in Track.objects.select_for_update().filter(pk__in=[t.pk for t, _ in said]).order_by("pk")
    }
    outcomes: dict[int, Outcome] = {}
    predicted: dict[int, Classification] = {}
    for track, classification in said:
        outcome = _take(rows.get(track.pk), track, classification, genres)
        outcomes[track.pk] = outcome
        if outcome is DONE:
            predicted[track.pk] = classification
    current = store_predictions(predicted, genres)
    _succeed([rows[pk] for pk in predicted], predicted, current)
    return outcomes


def _take(row: Track | None, track: Track, said: Classification, genres: dict[str, int]) -> Outcome:
    """What can be said of a song from its verdict; `DONE` where the verdict is to be stored."""
    if row is None:
        return GONE
    if (row.file, row.part_key, row.audio_id) != (track.file, track.part_key, track.audio_id):
        return ANOTHER_FILE
    if said.extraction.content_key:
        if not store_extraction(row, said.extraction):
            return FORGOTTEN
    elif row.audio_id is not None and said.extraction.vectors:
        store_vectors({row.audio_id: said.extraction.vectors})
    if said.outcome not in PREDICTED:
        succeed(row, Analysis.EXTRACTED)
        return Outcome(verdict=Verdict.FAILED, message=NO_MODEL_MESSAGE)
    try:
        genre_id(said.genre, genres)
    except GenreUnknownError as error:
        row.save(update_fields=OF_THE_FILE)
        mark(row, Analysis.FAILED, GENRE_UNKNOWN, str(error))
        return Outcome(verdict=Verdict.FAILED, message=str(error))
    return DONE


def _succeed(
    rows: Iterable[Track], predicted: Mapping[int, Classification], current: Mapping[int, str]
) -> None:
    """Give songs the state of their current verdict; those that have it already are not written again.

    What a model says of a song that it learned from is no reason to call the song familiar: there the verdict stands
    that was given out of fold.
    """
    alike: dict[Analysis, list[int]] = defaultdict(list)
    for row in rows:
        analysis = Analysis(current[row.pk])
        if predicted[row.pk].extraction.content_key:
            succeed(row, analysis)
        elif (row.analysis, row.analysis_reason, row.attempts, row.next_try_time) != (analysis, "", 0, None):
            alike[analysis].append(row.pk)
    for analysis, pks in alike.items():
        Track.objects.filter(pk__in=pks).update(
            analysis=analysis, analysis_reason="", analysis_message="", attempts=0, next_try_time=None
        )
