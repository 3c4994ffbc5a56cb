"""Songs that failed or were skipped, tried again: by a person's button, and by themselves when it is time."""

from collections.abc import Iterable

from django.utils import timezone

from portal.library.models import Analysis, Track
from portal.runs.engine import ACTIVE
from portal.runs.models import Run
from portal.runs.start import CannotStart, start_classify, start_extract

UNHEARD = (Analysis.FAILED, Analysis.SKIPPED)


def try_again(track_ids: Iterable[int]) -> Run:
    """Forget why these songs failed or were skipped, and hear them; what was heard already is judged instead."""
    songs = Track.objects.filter(pk__in=list(track_ids), analysis__in=UNHEARD).exclude(file="")
    chosen = dict(songs.values_list("pk", "audio"))
    if not chosen:
        raise CannotStart("None of these songs has failed or was skipped, or Plex has no file for them.")
    forgotten = {"analysis_reason": "", "analysis_message": "", "attempts": 0, "next_try_time": None}
    unheard = [pk for pk, audio in chosen.items() if audio is None]
    Track.objects.filter(pk__in=unheard).update(analysis=Analysis.PENDING, **forgotten)
    Track.objects.filter(pk__in=chosen.keys() - set(unheard)).update(analysis=Analysis.HEARD, **forgotten)
    return start_extract(track_ids=unheard) if unheard else start_classify(track_ids=chosen)


def retry_due() -> None:
    """Start a run for the songs whose next try is due, unless one of its kind is at work."""
    due = Track.objects.filter(
        removed_time=None, next_try_time__lte=timezone.now(), analysis=Analysis.FAILED
    ).exclude(file="")
    running = set(Run.objects.filter(state__in=ACTIVE).values_list("kind", flat=True))
    if running & {Run.Kind.EXTRACT, Run.Kind.CLASSIFY, Run.Kind.SYNC}:
        return
    try:
        if due.filter(audio=None).exists():
            start_extract(due=True)
        elif judged := list(due.exclude(audio=None).values_list("pk", flat=True)):
            start_classify(track_ids=judged)
    except CannotStart:
        return  # somebody was quicker, and that run takes these songs too
