"""The train run: inference learns from the labelled songs, and what it says of them out of fold is kept."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import connection, transaction

from portal.library.models import Analysis, Track
from portal.library.stages import stages_of
from portal.preferences.current import preferences
from portal.remote.inference import OutOfFold, Progress, Report, TrainingSong
from portal.runs.models import Run
from portal.runs.work import Outcome, RunFailedError, RunJob
from portal.verdicts.corpus import Corpus, survey, training_songs
from portal.verdicts.models import Prediction
from portal.verdicts.stages import stored_stages
from portal.verdicts.storing import deciding, genres_by_name

SEED = 20200821
_AT_ONCE = 1000


class Training:
    """Takes no arguments. It is one call, so it has no songs of its own to count."""

    songs_at_once = None

    def lay_out(self, job: RunJob) -> Iterable[int]:
        """Learn. A crash on the way leaves everything as it was: the whole is stored at once."""
        versions = stages_of(job.services.features.capabilities(preferences()).kinds).versions
        corpus = survey(versions)
        if not corpus.usable:
            raise RunFailedError(_nothing_to_learn_from(corpus))
        said: list[OutOfFold] = []
        report: dict[str, Any] = {}
        for event in job.services.inference.train(_closing(training_songs(versions)), seed=SEED):
            if isinstance(event, Progress):
                job.report(event.step, event.fraction)
            elif isinstance(event, OutOfFold):
                said.append(event)
            elif isinstance(event, Report):
                report = event.content
        with transaction.atomic():
            _store(said)
            job.run.result = report | {"suspect_count": sum(each.label_suspect for each in said)}
            job.run.save(update_fields=("result",))
        return ()

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """There are no songs to work on."""
        yield from ()

    def conclude(self, run: Run) -> str:
        """The outcome in a sentence."""
        stages = run.result.get("stages", ())
        if not stages:
            return ""
        last = stages[-1]
        skipped = ", ".join(each["genre"] for each in run.result.get("skipped_genres", ()))
        left_out = f" Too few songs or artists to learn: {skipped}." if skipped else ""
        return (
            f"{last['model_version']} has learned {len(run.result['genres'])} genres from "
            f"{run.result['song_count']} songs; {last['held_out_accuracy']:.0%} right on artists it never heard."
            f"{left_out}"
        )

    def abandon(self, run: Run) -> None:
        """The model in service stays."""


def _closing(songs: Iterator[TrainingSong]) -> Iterator[TrainingSong]:
    """The songs; gRPC reads them in a thread of its own, whose connection to the database nobody else would close."""
    try:
        yield from songs
    finally:
        connection.close()


def _nothing_to_learn_from(corpus: Corpus) -> str:
    if not corpus.heard:
        return "No song has been heard as it is set now: run `reclass sync` and `reclass extract` first."
    if not corpus.labelled:
        return (
            f"{corpus.heard} songs were heard and none has a genre tag that is known: add aliases for your tags in "
            "the admin, or set genres by hand."
        )
    return (
        f"{corpus.labelled} songs have a known genre and none of them was heard: run `reclass extract` first."
    )


def _store(said: Sequence[OutOfFold]) -> None:
    remaining = iter(said)
    known = genres_by_name()
    while batch := list(islice(remaining, _AT_ONCE)):
        _store_batch(batch, known)


def _store_batch(said: Sequence[OutOfFold], known: dict[str, int]) -> None:
    predictions = [found for each in said if (found := _prediction(each, known))]
    ids = [prediction.track_id for prediction in predictions]
    # In the order of their ids, as a classify run at the same time does: two orders could wait for each other.
    list(Track.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk", flat=True))
    Prediction.objects.filter(track_id__in=ids, current=True).update(current=False)
    Prediction.objects.bulk_create(
        predictions,
        update_conflicts=True,
        unique_fields=["track", "model_version"],
        update_fields=[
            "genre", "confidence", "deciding_stage", "out_of_fold", "label_suspect", "stages", "current",
        ],
    )  # fmt: skip
    Track.objects.filter(pk__in=ids).update(
        analysis=Analysis.CLASSIFIED, analysis_reason="", analysis_message="", attempts=0, next_try_time=None
    )


def _prediction(said: OutOfFold, known: dict[str, int]) -> Prediction | None:
    verdict = deciding(said.verdicts)
    if verdict is None:
        return None
    name, probability = verdict.top[0]
    genre = known.get(name.casefold())
    if genre is None:  # retired or renamed while the training went on; classify says so, song by song
        return None
    return Prediction(
        track_id=int(said.song_id),
        genre_id=genre,
        confidence=probability,
        model_version=verdict.model_version,
        deciding_stage=verdict.stage,
        out_of_fold=True,
        label_suspect=said.label_suspect,
        stages=stored_stages(said.verdicts),
        current=True,
    )
