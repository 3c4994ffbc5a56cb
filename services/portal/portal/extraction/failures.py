"""What a failure means for a song's analysis: whether it is worth another try, and what people are told."""

from datetime import timedelta

from django.utils import timezone
from runtime.errors import RemoteError

from portal.library.models import Analysis, Track
from portal.library.recordings import ANALYSED, OUTDATED, forget_recording
from portal.runs.outcomes import outcome_of
from portal.runs.retry_schedule import next_look_seconds
from portal.runs.work import Outcome, Verdict

# The song itself is at fault: it stays so until the file changes. Anything else is tried again by the next run.
OF_THE_SONG = frozenset(
    {
        "NOT_AUDIO",
        "NO_SAMPLES",
        "INVALID_SAMPLES",
        "TOO_SHORT",
        "TOO_LONG",
        "SILENT",
        "DAMAGED",
        "TRUNCATED",
        "TOO_LARGE",
        "OUT_OF_MEMORY",
        "NO_MEDIA",
    }
)


def note_failure(track: Track, error: RemoteError) -> Outcome:
    """Keep on the song why it could not be analysed.

    The song of another file is not that of the old recording, and must not be classified by it.
    """
    if track.analysis in OUTDATED and track.audio_id is not None:
        forget_recording(track)
        track.save(update_fields=("audio",))
    if error.reason in OF_THE_SONG:
        mark(track, Analysis.SKIPPED, error.reason, error.message)
        return Outcome(verdict=Verdict.SKIPPED, message=error.message)
    outcome = outcome_of(error)
    mark(track, Analysis.FAILED, error.reason, error.message)
    return outcome


def note_missed(track: Track, error: RemoteError, *, again: bool = True) -> Outcome:
    """Keep on a song that was analysed before why no more could be extracted from it: what is known of it stays.

    `again`: it is tried again by itself, with all that it lacks.
    """
    if track.analysis not in ANALYSED or track.audio_id is None:
        return note_failure(track, error)
    of_the_song = error.reason in OF_THE_SONG
    outcome = Outcome(verdict=Verdict.SKIPPED, message=error.message) if of_the_song else outcome_of(error)
    mark(track, Analysis(track.analysis), error.reason, error.message, again=again)
    return outcome


def mark(track: Track, analysis: Analysis, reason: str, message: str, *, again: bool = True) -> None:
    """Store a state that is no success."""
    again = again and analysis != Analysis.SKIPPED and reason not in OF_THE_SONG
    track.analysis, track.analysis_reason, track.analysis_message = analysis, reason[:50], message
    track.attempts += 1
    track.next_try_time = (
        timezone.now() + timedelta(seconds=next_look_seconds(track.attempts)) if again else None
    )
    track.save(update_fields=("analysis", "analysis_reason", "analysis_message", "attempts", "next_try_time"))
