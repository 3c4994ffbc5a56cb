"""Songs that failed or were skipped, tried again: by a person's button, and by themselves when it is time."""

from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from portal.library.models import Analysis, Track
from portal.library.presence import left_alone, present
from portal.library.recordings import ANALYSED
from portal.orchestration.start import CannotStart, start_classify, start_extract
from portal.runs.models import Run
from portal.runs.retry_schedule import next_look_seconds

# A mount that was lost fails a whole library; the rest is due a minute later.
AT_ONCE = 10_000
_AT_WORK = (Run.Kind.EXTRACT, Run.Kind.CLASSIFY, Run.Kind.SYNC)
UNSUCCESSFUL = (Analysis.FAILED, Analysis.SKIPPED)


def try_again(track_ids: Iterable[int]) -> Run:
    """Forget why these songs failed or were skipped, and analyse them; those analysed before are classified."""
    asked = list(track_ids)
    songs = Track.objects.filter(present(), pk__in=asked, analysis__in=UNSUCCESSFUL).exclude(file="")
    chosen = dict(songs.values_list("pk", "audio"))
    if not chosen:
        none = "None of these songs has failed or was skipped, or Plex has no file for them."
        raise CannotStart(left_alone(asked) or none)
    forgotten = {"analysis_reason": "", "analysis_message": "", "attempts": 0, "next_try_time": None}
    without_audio = [pk for pk, audio in chosen.items() if audio is None]
    Track.objects.filter(pk__in=without_audio).update(analysis=Analysis.PENDING, **forgotten)
    Track.objects.filter(pk__in=chosen.keys() - set(without_audio)).update(
        analysis=Analysis.EXTRACTED, **forgotten
    )
    return start_extract(track_ids=without_audio) if without_audio else start_classify(track_ids=chosen)


def retry_due() -> None:
    """Start a run for songs whose next try is due, unless one that may take them is at work.

    1. Those that failed are due again a while later: a run that cannot even begin is not asked for every minute.
    2. Of those that were analysed before, and from which no more could be extracted, another failure says when they
       are due.
    """
    if Run.objects.filter(state__in=Run.ACTIVE, kind__in=_AT_WORK).exists():
        return
    now = timezone.now()
    due = Track.objects.filter(present(), next_try_time__lte=now).exclude(file="")
    failed = list(due.filter(analysis=Analysis.FAILED).values_list("pk", "audio")[:AT_ONCE])
    more = list(due.filter(analysis__in=ANALYSED).values_list("pk", flat=True)[:AT_ONCE])
    without_audio = [pk for pk, audio in failed if audio is None] + more
    with_audio = [pk for pk, audio in failed if audio is not None]
    if not without_audio and not with_audio:
        return
    later = now + timedelta(seconds=next_look_seconds(1))
    Track.objects.filter(pk__in=[pk for pk, _ in failed]).update(next_try_time=later)
    Track.objects.filter(pk__in=more).update(next_try_time=None)
    try:
        if without_audio:
            start_extract(track_ids=without_audio)
        if with_audio:
            start_classify(track_ids=with_audio)
    except CannotStart:
        return  # somebody was quicker, and that run takes these songs too
