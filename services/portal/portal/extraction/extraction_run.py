"""The extract run: extracts the features of every song that lacks a vector, and keeps them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from runtime.errors import RemoteError

from portal.extraction.concurrency import AtOnce, ConcurrencyLimit
from portal.extraction.failures import note_missed
from portal.extraction.known_audio import known_keys
from portal.genres.models import spellings
from portal.labels.tags import set_labels
from portal.library.adoption import adopt
from portal.library.embeddings import note_capabilities
from portal.library.models import Analysis, Audio, Track
from portal.library.presence import left_alone, present
from portal.library.recordings import PREDICTED, forget_recording
from portal.library.stages import ALL, chosen, kinds_lacked, lacking
from portal.library.vectors import store_vectors
from portal.preferences.current import preferences
from portal.preferences.values import Preferences
from portal.remote.audio import AudioSource, ExtractionResult
from portal.remote.features import FeaturesClient
from portal.remote.inference import Stage
from portal.runs.models import Run
from portal.runs.work import DONE, Outcome, RunFailedError, RunJob, Verdict, Work

OF_THE_FILE = ("audio", "file_genres", "tag_genre", "additional_tag_genres")
"""The fields of a track that `store_extraction` sets."""
ANOTHER_FILE = Outcome(verdict=Verdict.AGAIN, message="Its file was changed while it was being analysed.")
FORGOTTEN = Outcome(
    verdict=Verdict.AGAIN, message="What was stored of this audio was removed while it was being analysed."
)
MODEL_UNKNOWN = (
    "inference did not answer: only the usual vectors were made. A model of whole songs needs others; "
    "`reclass extract` makes them when inference is back, else the classification does"
)
GONE = Outcome(
    verdict=Verdict.SKIPPED,
    message="It was merged with another row of the same song meanwhile; that one is analysed.",
)


class ExtractionRun(Work):
    """Arguments: `stages` (kinds, or "all"; none: those installed, and those that the model in service uses) and
    `track_ids` (none: every song)."""

    tries_again = True
    """A song that failed is due again a while later, with all that it lacks."""

    def __init__(self) -> None:
        self._limit = ConcurrencyLimit()

    def select_songs(self, job: RunJob) -> Iterable[int]:
        """Songs that lack a vector that can be made here."""
        settings = preferences()
        features = note_capabilities(job.services.features.capabilities(settings))
        asked = job.run.arguments.get("stages", ())
        serving = _serving(job)
        stages = chosen(features.kinds, asked, serving or ())
        job.run.keep(
            versions=stages.versions,
            excerpt=settings.excerpt,
            not_installed=stages.not_installed,
            model_unknown=serving is None and (not asked or ALL in asked),
            processes=features.processes,
        )
        if not stages.versions:
            raise RunFailedError(_none_installed(stages.not_installed))
        return _to_extract(job.run.arguments, stages.versions).order_by("pk").values_list("pk", flat=True)

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Extract from several songs at once; each is stored by itself as soon as it is through.

        Songs that were stored before a crash could note it have what they lacked, and are passed over.
        """
        versions: dict[str, str] = job.run.result["versions"]
        tracks = list(Track.objects.filter(pk__in=track_ids).order_by("pk"))
        lacked = kinds_lacked(tracks, versions)
        for track in tracks:
            if not lacked[track.pk]:
                yield track.pk, DONE
        # The versions are those of the excerpt that the run began with; everything else is as it is set now.
        settings = preferences().model_copy(update={"excerpt": job.run.result["excerpt"]})
        at_once = settings.concurrency or job.run.result["processes"]
        extract = partial(self._extract, job.services.features, settings, lacked, at_once)
        songs = [track for track in tracks if lacked[track.pk]]
        extracting = AtOnce(extract, ((track, known_keys(track, versions)) for track in songs), count=at_once)
        try:
            for (track, _), result in extracting:
                yield track.pk, _keep(track, result, again=self.tries_again)
        finally:
            # Whoever ended this run does not want what was extracted until now to be extracted again.
            for (track, _), result in extracting.rest():
                if result.exception() is None:
                    _keep(track, result, again=self.tries_again)

    def _extract(
        self,
        features: FeaturesClient,
        settings: Preferences,
        lacked: Mapping[int, Sequence[str]],
        at_once: int,
        song: tuple[Track, Sequence[str]],
    ) -> ExtractionResult:
        track, keys = song
        with self._limit.slot(at_once):
            return features.extract(
                source_of(track), settings=settings, kinds=lacked[track.pk], known_keys=keys
            )

    def summarise(self, run: Run) -> str:
        """An explanation where there was nothing to do, and the stages that could not be made."""
        said = [] if run.song_count else [_nothing_to_extract()]
        said += [sentence] if (sentence := left_alone(run.arguments.get("track_ids"))) else []
        said += [f"{kind}: {why}" for kind, why in run.result.get("not_installed", {}).items()]
        said += [MODEL_UNKNOWN] if run.result.get("model_unknown") else []
        return " ".join(f"{sentence.rstrip('.')}." for sentence in said)


def source_of(track: Track) -> AudioSource:
    """Where the song's audio is."""
    return AudioSource(
        rating_key=track.rating_key,
        file=track.file,
        other_files=tuple(track.other_files),
        guid=track.guid,
        title=track.title,
        artist=track.artist,
    )


def store_extraction(track: Track, result: ExtractionResult) -> bool:
    """Keep audio and vectors by the content, so that a copy or a re-import has them already. The track is not saved.

    False where the audio was said to be a known one, and is not any more.
    """
    if result.already_known:
        audio = Audio.objects.filter(content_key=result.content_key).first()
        if audio is None:
            return False
    else:
        audio = _store_audio(result)
    if track.audio_id not in (None, audio.pk):
        forget_recording(track)
    track.audio = audio
    if track.file_genres != list(result.file_genres):
        track.file_genres = list(result.file_genres)
        set_labels([track], spellings())
    return True


def succeed(track: Track, analysis: Analysis) -> None:
    """Store that the song was analysed or classified, and forget earlier failures."""
    track.analysis, track.analysis_reason, track.analysis_message = analysis, "", ""
    track.attempts, track.next_try_time = 0, None
    track.save(
        update_fields=(
            *OF_THE_FILE, "analysis", "analysis_reason", "analysis_message", "attempts", "next_try_time",
        )
    )  # fmt: skip


def _store_audio(result: ExtractionResult) -> Audio:
    audio, _ = Audio.objects.update_or_create(
        content_key=result.content_key,
        defaults={
            "codec": result.codec[:50],
            "sample_rate_hz": result.sample_rate_hz,
            "channels": result.channels,
            "duration_seconds": result.duration_seconds,
        },
    )
    store_vectors({audio.pk: result.vectors})
    return audio


def _serving(job: RunJob) -> tuple[Stage, ...] | None:
    """The stages, each with the kinds that its model uses; None where inference is silent: the rest can be made."""
    try:
        return job.services.inference.status()
    except RemoteError:
        return None


def _to_extract(arguments: Mapping[str, Any], versions: Mapping[str, str]) -> QuerySet[Track]:
    tracks = Track.objects.filter(lacking(versions), present())
    tracks = tracks.exclude(analysis=Analysis.SKIPPED).exclude(file="")
    if arguments.get("track_ids") is not None:
        tracks = tracks.filter(pk__in=arguments["track_ids"])
    return tracks


def _keep(track: Track, result: Future[ExtractionResult], *, again: bool) -> Outcome:
    try:
        found = result.result()
    except RemoteError as error:
        return note_missed(track, error, again=again) if Track.objects.filter(pk=track.pk).exists() else GONE
    return keep_extraction(track, found)


@transaction.atomic
def keep_extraction(track: Track, result: ExtractionResult) -> Outcome:
    """Store what was extracted from a song, unless its file is another one by now."""
    row = Track.objects.select_for_update().filter(pk=track.pk).first()
    if row is None:
        return GONE
    if (row.file, row.part_key) != (track.file, track.part_key):
        return ANOTHER_FILE
    before, analysis = row.audio_id, Analysis(row.analysis)
    if not store_extraction(row, result):
        return FORGOTTEN
    stays = analysis in PREDICTED and row.audio_id == before
    succeed(row, analysis if stays else Analysis.EXTRACTED)
    _take_over_history(row)
    return _outcome(result)


def _take_over_history(track: Track) -> None:
    """A track without a history, whose audio is that of one that Plex no longer has, is that song come back."""
    if track.predictions.exists() or track.writes.exists() or hasattr(track, "override"):
        return
    gone = Track.objects.filter(
        audio=track.audio_id, removed_time__isnull=False, library__server_id=track.library.server_id
    )
    latest = gone.exclude(pk=track.pk).order_by("-removed_time").first()
    if latest is not None:
        adopt(latest, track)


def _outcome(result: ExtractionResult) -> Outcome:
    if not result.missing:
        return DONE
    message = "; ".join(f"{each.kind}: {each.message}" for each in result.missing)
    permanent = all(each.permanent for each in result.missing)
    return Outcome(verdict=Verdict.FAILED if permanent else Verdict.AGAIN, message=message)


def _none_installed(not_installed: Mapping[str, str]) -> str:
    reasons = "; ".join(f"{kind}: {why}" for kind, why in not_installed.items())
    return f"Nothing that was asked for can be made here: {reasons}."


def _nothing_to_extract() -> str:
    songs = Track.objects.filter(present())
    if not songs.exists():
        return "No song is known yet: run `reclass sync` first"
    skipped = songs.filter(analysis=Analysis.SKIPPED).count()
    but = (
        f", but {skipped} that cannot be analysed: the list of songs in the admin says why" if skipped else ""
    )
    return f"Nothing to analyse: every song was analysed before{but}"
