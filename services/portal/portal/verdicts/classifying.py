"""The classify run: asks inference for the genre of each song and keeps the verdicts."""

from collections.abc import Iterable, Iterator, Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef
from runtime.errors import RemoteError

from portal.library.faults import mark, note_failure
from portal.library.hearing import source_of, store_heard, succeed
from portal.library.models import Analysis, Track
from portal.library.recordings import OUTDATED
from portal.library.vectors import store_vectors, stored_vectors
from portal.remote.audio import VectorValues
from portal.remote.inference import Classification
from portal.remote.services import Services
from portal.runs.models import Run
from portal.runs.work import DONE, Outcome, RunFailedError, RunJob, Verdict
from portal.verdicts.models import Prediction
from portal.verdicts.storing import GenreUnknownError, genres_by_name, store_prediction

NO_MODEL_MESSAGE = "There is no trained model: run `reclass train` first."
GENRE_UNKNOWN = "GENRE_UNKNOWN"
# The stored vectors are not what the model needs; listening again is.
_LISTEN_INSTEAD = frozenset({"AUDIO_REQUIRED", "VECTOR_INVALID"})
_ANALYSIS = {
    "classified": Analysis.CLASSIFIED,
    "provisional": Analysis.PROVISIONAL,
    "unsure": Analysis.UNSURE,
}


class Classifying:
    """Arguments: `track_ids` (none: every song) and `again` (also those that the serving model has judged)."""

    songs_at_once = None

    def lay_out(self, job: RunJob) -> Iterable[int]:
        """Songs that the serving models have not judged for good."""
        serving = [stage.model_version for stage in job.services.inference.status() if stage.ready]
        if not serving:
            raise RunFailedError(NO_MODEL_MESSAGE)
        tracks = Track.objects.filter(removed_time=None).exclude(analysis=Analysis.SKIPPED)
        chosen = job.run.arguments.get("track_ids")
        if chosen is not None:
            tracks = tracks.filter(pk__in=chosen)
        if not job.run.arguments.get("again"):
            judged = Prediction.objects.filter(track=OuterRef("pk"), current=True, model_version__in=serving)
            for_good = tracks.filter(analysis__in=(Analysis.CLASSIFIED, Analysis.UNSURE))
            tracks = tracks.exclude(pk__in=for_good.filter(Exists(judged)).values("pk"))
        return tracks.order_by("pk").values_list("pk", flat=True).iterator()

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Judge one song after the other."""
        known = genres_by_name()
        tracks = Track.objects.filter(pk__in=track_ids).select_related("audio").order_by("pk")
        heard = tracks.exclude(analysis__in=OUTDATED).exclude(audio=None)
        vectors = stored_vectors(heard.values_list("audio", flat=True))
        for track in tracks:
            try:
                said = _ask(job.services, track, vectors.get(track.audio_id or 0, ()))
                yield track.pk, _store(track, said, known)
            except RemoteError as error:
                yield track.pk, note_failure(track, error)
            except GenreUnknownError as error:
                mark(track, Analysis.FAILED, GENRE_UNKNOWN, str(error))
                yield track.pk, Outcome(verdict=Verdict.FAILED, message=str(error))

    def conclude(self, run: Run) -> str:
        """An explanation where there was nothing to do, or nothing could be said."""
        if not run.song_count:
            return "Nothing to classify: the serving model has judged every song, or none is known yet."
        if run.songs.filter(message=NO_MODEL_MESSAGE).exists():
            return NO_MODEL_MESSAGE
        return ""

    def abandon(self, run: Run) -> None:
        """What was stored is right as it is."""


def _ask(services: Services, track: Track, vectors: Sequence[VectorValues]) -> Classification:
    if vectors and track.analysis not in OUTDATED:
        try:
            return services.inference.classify(vectors=vectors, source=None)
        except RemoteError as error:
            if error.reason not in _LISTEN_INSTEAD:
                raise
    return services.inference.classify(vectors=(), source=source_of(track))


def _store(track: Track, said: Classification, known: dict[str, int]) -> Outcome:
    with transaction.atomic():
        # One at a time per song: a second worker after a crash must not make a second current prediction.
        Track.objects.select_for_update().get(pk=track.pk)
        if said.heard.content_key:
            store_heard(track, said.heard)
        elif track.audio is not None:
            store_vectors({track.audio.pk: said.heard.vectors})
        if said.outcome not in _ANALYSIS:
            succeed(track, Analysis.HEARD)
            return Outcome(verdict=Verdict.FAILED, message=NO_MODEL_MESSAGE)
        store_prediction(track, said, known)
        succeed(track, _ANALYSIS[said.outcome])
    return DONE
