"""The extract run: listens to every song that lacks a vector, and keeps what was found out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from runtime.errors import RemoteError

from portal.extraction.concurrency import AtOnce, Ears
from portal.extraction.failures import note_missed
from portal.extraction.known_audio import known_keys
from portal.genres.models import spellings
from portal.labels.tags import set_labels
from portal.library.adoption import adopt
from portal.library.models import Analysis, Audio, Track
from portal.library.presence import left_alone, present
from portal.library.recordings import forget_recording
from portal.library.stages import ALL, chosen, kinds_lacked, lacking
from portal.library.vectors import store_vectors
from portal.preferences.current import preferences
from portal.preferences.values import Preferences
from portal.remote.audio import AudioSource, Heard
from portal.remote.features import FeaturesClient
from portal.remote.inference import Stage
from portal.runs.models import Run
from portal.runs.work import DONE, Outcome, RunFailedError, RunJob, Verdict

# A verdict of these stays when more is heard of the same recording.
JUDGED = (Analysis.CLASSIFIED, Analysis.PROVISIONAL, Analysis.UNSURE)
OF_THE_FILE = ("audio", "file_genres", "tag_genre", "tag_also")
"""The fields of a track that `store_heard` sets."""
ANOTHER_FILE = Outcome(verdict=Verdict.AGAIN, message="Its file was changed while it was being analysed.")
FORGOTTEN = Outcome(
    verdict=Verdict.AGAIN, message="What was known of this audio went while it was being analysed."
)
MODEL_UNKNOWN = (
    "inference did not answer: only the usual vectors were made. A model of whole songs needs others; "
    "`reclass extract` makes them when inference is back, else the classification does"
)
GONE = Outcome(
    verdict=Verdict.SKIPPED, message="It is one song with another row since; that one is analysed."
)


class Hearing:
    """Arguments: `stages` (kinds, or "all"; none: those installed, and those that the model in service hears) and
    `track_ids` (none: every song)."""

    songs_at_once = None

    def __init__(self) -> None:
        self._ears = Ears()

    def lay_out(self, job: RunJob) -> Iterable[int]:
        """Songs that lack a vector that can be made here."""
        wishes = preferences()
        features = job.services.features.capabilities(wishes)
        asked = job.run.arguments.get("stages", ())
        serving = _serving(job)
        stages = chosen(features.kinds, asked, serving or ())
        job.run.result = {
            "versions": stages.versions,
            "excerpt": wishes.excerpt,
            "not_installed": stages.not_installed,
            "model_unknown": serving is None and (not asked or ALL in asked),
            "processes": features.processes,
        }
        job.run.save(update_fields=("result",))
        if not stages.versions:
            raise RunFailedError(_none_installed(stages.not_installed))
        return _to_hear(job.run.arguments, stages.versions).order_by("pk").values_list("pk", flat=True)

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Listen to several songs at once; each is stored by itself as soon as it was heard.

        Songs that were stored before a crash could note it have what they lacked, and are passed over.
        """
        versions: dict[str, str] = job.run.result["versions"]
        tracks = list(Track.objects.filter(pk__in=track_ids).order_by("pk"))
        lacked = kinds_lacked(tracks, versions)
        for track in tracks:
            if not lacked[track.pk]:
                yield track.pk, DONE
        # The versions are those of the excerpt that the run began with; everything else is as it is set now.
        wishes = preferences().model_copy(update={"excerpt": job.run.result["excerpt"]})
        at_once = wishes.concurrency or job.run.result["processes"]
        listen = partial(self._listen, job.services.features, wishes, lacked, at_once)
        songs = [track for track in tracks if lacked[track.pk]]
        listening = AtOnce(listen, ((track, known_keys(track, versions)) for track in songs), count=at_once)
        try:
            for (track, _), heard in listening:
                yield track.pk, _keep(track, heard)
        finally:
            # Whoever ended this run does not want what was heard until now to be heard again.
            for (track, _), heard in listening.rest():
                if heard.exception() is None:
                    _keep(track, heard)

    def _listen(
        self,
        features: FeaturesClient,
        wishes: Preferences,
        lacked: Mapping[int, Sequence[str]],
        at_once: int,
        song: tuple[Track, Sequence[str]],
    ) -> Heard:
        track, keys = song
        with self._ears.one_of(at_once):
            return features.extract(
                source_of(track), settings=wishes, kinds=lacked[track.pk], known_keys=keys
            )

    def conclude(self, run: Run) -> str:
        """An explanation where there was nothing to do, and the stages that could not be made."""
        said = [] if run.song_count else [_nothing_to_hear()]
        said += [sentence] if (sentence := left_alone(run.arguments.get("track_ids"))) else []
        said += [f"{kind}: {why}" for kind, why in run.result.get("not_installed", {}).items()]
        said += [MODEL_UNKNOWN] if run.result.get("model_unknown") else []
        return " ".join(f"{sentence.rstrip('.')}." for sentence in said)

    def abandon(self, run: Run) -> None:
        """What was stored is right as it is."""


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


def store_heard(track: Track, heard: Heard) -> bool:
    """Keep audio and vectors by the content, so that a copy or a re-import has them already. The track is not saved.

    False where the audio was said to be a known one, and is not any more.
    """
    if heard.already_known:
        audio = Audio.objects.filter(content_key=heard.content_key).first()
        if audio is None:
            return False
    else:
        audio = _store_audio(heard)
    if track.audio_id not in (None, audio.pk):
        forget_recording(track)
    track.audio = audio
    if track.file_genres != list(heard.file_genres):
        track.file_genres = list(heard.file_genres)
        set_labels([track], spellings())
    return True


def succeed(track: Track, analysis: Analysis) -> None:
    """Store that the song was heard or judged, and forget earlier failures."""
    track.analysis, track.analysis_reason, track.analysis_message = analysis, "", ""
    track.attempts, track.next_try_time = 0, None
    track.save(
        update_fields=(
            *OF_THE_FILE, "analysis", "analysis_reason", "analysis_message", "attempts", "next_try_time",
        )
    )  # fmt: skip


def _store_audio(heard: Heard) -> Audio:
    audio, _ = Audio.objects.update_or_create(
        content_key=heard.content_key,
        defaults={
            "codec": heard.codec[:50],
            "sample_rate_hz": heard.sample_rate_hz,
            "channels": heard.channels,
            "duration_seconds": heard.duration_seconds,
        },
    )
    store_vectors({audio.pk: heard.vectors})
    return audio


def _serving(job: RunJob) -> tuple[Stage, ...] | None:
    """The stages, of which each says what its model hears; None where inference is silent: the rest can be heard."""
    try:
        return job.services.inference.status()
    except RemoteError:
        return None


def _to_hear(arguments: Mapping[str, Any], versions: Mapping[str, str]) -> QuerySet[Track]:
    tracks = Track.objects.filter(lacking(versions), present())
    tracks = tracks.exclude(analysis=Analysis.SKIPPED).exclude(file="")
    if arguments.get("track_ids") is not None:
        tracks = tracks.filter(pk__in=arguments["track_ids"])
    return tracks


def _keep(track: Track, heard: Future[Heard]) -> Outcome:
    try:
        found = heard.result()
    except RemoteError as error:
        return note_missed(track, error) if Track.objects.filter(pk=track.pk).exists() else GONE
    return keep_heard(track, found)


@transaction.atomic
def keep_heard(track: Track, heard: Heard) -> Outcome:
    """Store what was heard of a song, unless its file is another one by now."""
    row = Track.objects.select_for_update().filter(pk=track.pk).first()
    if row is None:
        return GONE
    if (row.file, row.part_key) != (track.file, track.part_key):
        return ANOTHER_FILE
    before, analysis = row.audio_id, Analysis(row.analysis)
    if not store_heard(row, heard):
        return FORGOTTEN
    stays = analysis in JUDGED and row.audio_id == before
    succeed(row, analysis if stays else Analysis.HEARD)
    _take_over_history(row)
    return _outcome(heard)


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


def _outcome(heard: Heard) -> Outcome:
    if not heard.missing:
        return DONE
    message = "; ".join(f"{each.kind}: {each.message}" for each in heard.missing)
    permanent = all(each.permanent for each in heard.missing)
    return Outcome(verdict=Verdict.FAILED if permanent else Verdict.AGAIN, message=message)


def _none_installed(not_installed: Mapping[str, str]) -> str:
    reasons = "; ".join(f"{kind}: {why}" for kind, why in not_installed.items())
    return f"Nothing that was asked for can be made here: {reasons}."


def _nothing_to_hear() -> str:
    songs = Track.objects.filter(present())
    if not songs.exists():
        return "No song is known yet: run `reclass sync` first"
    skipped = songs.filter(analysis=Analysis.SKIPPED).count()
    but = (
        f", but {skipped} that cannot be analysed: the list of songs in the admin says why" if skipped else ""
    )
    return f"Nothing to analyse: every song was analysed before{but}"
