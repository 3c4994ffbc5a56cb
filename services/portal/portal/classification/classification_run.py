"""The classify run: asks inference for the genres of songs and keeps the verdicts."""

from collections.abc import Iterable, Iterator, Sequence

from django.db.models import Exists, OuterRef, QuerySet

from portal.classification.feature_versions import current_extraction, settings_of, versions_of
from portal.classification.requests import ask
from portal.classification.storing import NO_MODEL_MESSAGE, keep, portions
from portal.extraction.reidentify import recognise
from portal.library.models import Analysis, Track
from portal.library.presence import left_alone, present
from portal.library.recordings import OUTDATED
from portal.library.vectors import has_vectors
from portal.preferences.current import preferences
from portal.runs.models import Run
from portal.runs.work import Outcome, RunFailedError, RunJob, Work
from portal.verdicts.models import Prediction
from portal.verdicts.predictions import genres_by_name
from portal.verdicts.revote import vote_again


class Classifying(Work):
    """Arguments: `track_ids` (none: every song) and `again` (also those that the serving model has classified)."""

    def select_songs(self, job: RunJob) -> Iterable[int]:
        """Songs that the serving models have not classified for good; first those whose vectors are stored."""
        found = job.services.inference.status()
        stages = [stage for stage in found if stage.ready]
        if not stages:
            raise RunFailedError(next((stage.message for stage in found if stage.broken), NO_MODEL_MESSAGE))
        vote_again(job.services, preferences())
        job.run.keep(**current_extraction(job.services.features, stages))
        serving = [stage.model_version for stage in stages]
        tracks = Track.objects.filter(present()).exclude(analysis=Analysis.SKIPPED)
        chosen = job.run.arguments.get("track_ids")
        if chosen is not None:
            tracks = tracks.filter(pk__in=chosen)
        if not job.run.arguments.get("again"):
            predicted = Prediction.objects.filter(
                track=OuterRef("pk"), current=True, model_version__in=serving
            )
            for_good = tracks.filter(analysis__in=(Analysis.CLASSIFIED, Analysis.OUT_OF_DISTRIBUTION))
            tracks = tracks.exclude(pk__in=for_good.filter(Exists(predicted)).values("pk"))
        quick = list(_ids(tracks.exclude(analysis__in=OUTDATED).filter(has_vectors())))
        job.quick_songs = len(quick)
        known = set(quick)
        return [*quick, *(pk for pk in _ids(tracks) if pk not in known)]

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Classify songs together; a portion of them is stored at once, a song whose audio was read by itself."""
        genres = genres_by_name()
        settings, versions = settings_of(job.run), versions_of(job.run)
        tracks = list(Track.objects.filter(pk__in=track_ids).order_by("pk"))
        tracks = recognise(job.services.features, tracks, settings)
        for first in range(0, len(tracks), settings.batch_size):
            together = tracks[first : first + settings.batch_size]
            for portion in portions(ask(job.services.inference, together, settings, versions)):
                yield from keep(portion, genres)

    def summarise(self, run: Run) -> str:
        """An explanation where there was nothing to do, or nothing could be said."""
        left = left_alone(run.arguments.get("track_ids"))
        if left:
            return left
        if not run.song_count:
            return (
                "Nothing to classify: the model in service has classified every song, or none is known yet."
            )
        if run.songs.filter(message=NO_MODEL_MESSAGE).exists():
            return NO_MODEL_MESSAGE
        return ""


def _ids(tracks: QuerySet[Track]) -> Iterator[int]:
    return tracks.order_by("pk").values_list("pk", flat=True).iterator()
