"""The extract run: listens to every song that was not heard yet, and keeps what was found out."""

from collections.abc import Iterable, Iterator, Sequence

from django.db import transaction
from django.db.models import Q
from runtime.errors import RemoteError

from portal.library.faults import note_failure
from portal.library.models import Analysis, Audio, Track
from portal.library.recordings import forget_recording
from portal.library.vectors import store_vectors
from portal.remote.audio import AudioSource, Heard
from portal.runs.models import Run
from portal.runs.work import DONE, Outcome, RunJob


class Hearing:
    """Takes no arguments."""

    songs_at_once = None

    def lay_out(self, job: RunJob) -> Iterable[int]:
        """Songs that are pending, or that failed before they were heard."""
        unheard = Q(analysis=Analysis.PENDING) | Q(analysis=Analysis.FAILED, audio=None)
        tracks = Track.objects.filter(unheard, removed_time=None)
        return tracks.order_by("pk").values_list("pk", flat=True).iterator()

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Listen to one song after the other."""
        for track in Track.objects.filter(pk__in=track_ids).order_by("pk"):
            try:
                heard = job.services.features.extract(source_of(track))
            except RemoteError as error:
                yield track.pk, note_failure(track, error)
                continue
            with transaction.atomic():
                store_heard(track, heard)
                succeed(track, Analysis.HEARD)
            yield track.pk, DONE

    def conclude(self, run: Run) -> str:
        """An explanation where there was nothing to do."""
        if run.song_count:
            return ""
        if not Track.objects.filter(removed_time=None).exists():
            return "No song is known yet: run `reclass sync` first."
        skipped = Track.objects.filter(analysis=Analysis.SKIPPED, removed_time=None).count()
        but = (
            f", but {skipped} that cannot be heard: the list of songs in the admin says why"
            if skipped
            else ""
        )
        return f"Nothing to hear: every song was heard before{but}."

    def abandon(self, run: Run) -> None:
        """What was stored is right as it is."""


def source_of(track: Track) -> AudioSource:
    """Where the song's audio is."""
    return AudioSource(rating_key=track.rating_key, file=track.file)


def store_heard(track: Track, heard: Heard) -> None:
    """Keep audio and vectors by the content, so that a copy or a re-import has them already."""
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
    if track.audio_id not in (None, audio.pk):
        forget_recording(track)
    track.audio = audio
    track.file_genres = list(heard.file_genres)


def succeed(track: Track, analysis: Analysis) -> None:
    """Store that the song was heard or judged, and forget earlier failures."""
    track.analysis, track.analysis_reason, track.analysis_message = analysis, "", ""
    track.attempts, track.next_try_time = 0, None
    track.save(
        update_fields=(
            "audio", "file_genres", "analysis", "analysis_reason", "analysis_message", "attempts", "next_try_time",
        )
    )  # fmt: skip
