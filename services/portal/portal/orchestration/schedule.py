"""What happens by itself: a sync when it is due, then the classification of new songs, then, where wanted, writing.

Nothing of it is remembered in a process: what was done, and what is due, is read from the runs each time.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.core.cache import cache as remembered
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from runtime.errors import RemoteError
from runtime.telemetry import get_logger

from portal.decisions.deciding import anything_outdated, inputs_changed
from portal.extraction.fill_run import to_fill
from portal.ledger.batches import has_applied_a_batch
from portal.ledger.models import WriteBatch
from portal.library.models import Analysis, InPlex, Library, Track
from portal.library.presence import present
from portal.orchestration.start import (
    CannotStart,
    start_classify,
    start_decide,
    start_extract,
    start_fill,
    start_plan,
    start_push,
    start_sync,
)
from portal.plex_sync.sync_run import CHOSEN
from portal.preferences.current import preferences
from portal.preferences.models import SettingChange
from portal.preferences.values import Preferences
from portal.remote.services import Services
from portal.runs.models import GAVE_WAY, Run
from portal.verdicts.models import Judgement

log = get_logger(__name__)

# A sync that failed is tried again so soon, for Plex may have been away for a moment only.
TRY_AGAIN = timedelta(hours=1)
# After a sync that a person asked for, the next step is theirs for so long: they, or their script, may go on.
LEAVE_TO_PERSON = timedelta(minutes=15)
# A moment that is further ahead was written by a clock that has been put right since, not by another machine's.
CLOCK_SKEW = timedelta(minutes=10)
FILL_AGAIN = timedelta(days=1)
_FILL_LOOKED_AT = "fill-looked-at"
FOLLOWED = "followed"
# What changes what is known of songs, and may leave decisions out of date.
_CHANGES = (Run.Kind.SYNC, Run.Kind.CLASSIFY, Run.Kind.TRAIN, Run.Kind.PROMOTE)
DECISIONS_CHECKED = "decisions_checked"
# Whoever judges a song or changes a setting goes on to the next: all songs are decided anew once, after the last.
LEAVE_TO_GO_ON = timedelta(minutes=2)
# Under this a run's result keeps what decisions were to rest on.
INPUTS = "inputs"


def keep(now: datetime, services: Services) -> None:
    """Start what is due, one thing at a time, and nothing beside what is at work already.

    1. A finished dry run of the schedule is pushed.
    2. A finished classification of the schedule is planned.
    3. A finished sync with new songs is followed by their classification.
    4. Songs are decided anew where a run has changed what is known of them, or a person has: by judging songs, by
       another setting of sources, or by another name of a genre.
    5. A sync begins when its time has come.
    6. Missing vectors are filled in when nothing was done for a while; that run ends when any other begins.
    """
    if Run.objects.filter(state__in=Run.ACTIVE).exclude(kind=Run.Kind.FILL).exists():
        return
    settings = preferences()
    try:
        for step in (_push, _plan, _classify, _decide, _sync, _fill):
            if step(now, settings, services):
                return
    except CannotStart as error:
        log.info("the schedule waits", reason=str(error))  # somebody was quicker
    except RemoteError as error:
        log.info("the schedule waits for a service", reason=error.message)


def next_sync_time(settings: Preferences, now: datetime | None = None) -> datetime | None:
    """When the next automatic sync is due; None where there is none: the first one is a person's."""
    at = now or timezone.now()
    last_read = Library.objects.aggregate(last=Max("last_synced"))["last"]
    if not settings.sync_automatically or last_read is None:
        return None
    interval = timedelta(hours=settings.sync_every_hours)
    tried = Run.objects.filter(kind=Run.Kind.SYNC).order_by("-pk").first()
    due: datetime = at if last_read > at + CLOCK_SKEW else last_read + interval
    if tried is None or tried.state == Run.State.DONE or tried.created_time > at + CLOCK_SKEW:
        return due
    wait = min(interval, TRY_AGAIN) if tried.state == Run.State.FAILED else interval
    return max(due, tried.created_time + wait)


def next_fill_time(kinds: Sequence[str]) -> datetime | None:
    """Until when these are left, for they were made as far as they could be, or a person has stopped that; None where
    they were not, or where another run broke it off."""
    ended = Run.objects.filter(kind=Run.Kind.FILL, finished_time__isnull=False)
    last = ended.exclude(state=Run.State.STOPPED, arguments__has_key=GAVE_WAY).order_by("-pk").first()
    if last is None or last.finished_time is None or not set(kinds) <= set(last.arguments["kinds"]):
        return None
    return last.finished_time + (TRY_AGAIN if last.state == Run.State.FAILED else FILL_AGAIN)


def _sync(now: datetime, settings: Preferences, services: Services) -> bool:
    due = next_sync_time(settings, now)
    if due is None or now < due or not services.sync.connection().complete:
        return False
    start_sync(scheduled=True)
    return True


def _fill(now: datetime, settings: Preferences, services: Services) -> bool:
    """In idle time. What was filled in, and could not be for some songs, is looked at again a day later."""
    last = Run.objects.order_by("-pk").first()
    ended = last.finished_time if last else None
    if ended is None or now < ended + LEAVE_TO_PERSON:
        return False
    # Counting the vectors of 300,000 songs takes seconds.
    if not remembered.add(_FILL_LOOKED_AT, True, LEAVE_TO_PERSON.total_seconds()):  # a value
        return False
    wanted = to_fill(settings)
    if wanted is None or _filled(wanted.kinds, now):
        return False
    started = start_fill(wanted.kinds, scheduled=True)
    log.info("the schedule starts a run", run=started.pk, kind=started.kind, after="idle time")
    return True


def _filled(kinds: Sequence[str], now: datetime) -> bool:
    """Whether these are being made, or are left for a while."""
    if Run.objects.filter(kind=Run.Kind.FILL, state__in=Run.ACTIVE).exists():
        return True
    left_until = next_fill_time(kinds)
    return left_until is not None and now < left_until


def _classify(now: datetime, settings: Preferences, services: Services) -> bool:
    sync = _last(Run.Kind.SYNC)
    if sync is None or not settings.classify_automatically or sync.result.get(FOLLOWED):
        return False
    if not sync.is_scheduled and _taken_by_person(sync):
        _follow(sync, None)
        return False
    if not sync.is_scheduled and now < (sync.finished_time or sync.created_time) + LEAVE_TO_PERSON:
        return False
    new = _new_songs(sync)
    if any(stage.ready for stage in services.inference.status()):
        # A stage that was away may be back.
        songs = [*new, *_provisional_songs()]
        _follow(sync, (lambda: start_classify(songs, scheduled=True)) if songs else None)
        return bool(songs)
    _follow(sync, (lambda: start_extract(track_ids=new, scheduled=True)) if new else None)
    return bool(new)


def _decide(now: datetime, settings: Preferences, services: Services) -> bool:
    changed = Run.objects.filter(kind__in=_CHANGES, finished_time__isnull=False).order_by("-pk").first()
    # Whether anything is out of date takes seconds to find out, with 100,000 songs: not every minute.
    if changed is None or changed.result.get(DECISIONS_CHECKED):
        return _decide_by_people(now)
    with transaction.atomic():
        changed.keep(**{DECISIONS_CHECKED: True})
        found = anything_outdated()
        if found:
            started = start_decide(scheduled=True)
            log.info("the schedule starts a run", run=started.pk, kind=started.kind, after=changed.pk)
    return found


def _decide_by_people(now: datetime) -> bool:
    """After people have judged songs or changed what decisions rest on, and have stopped doing so."""
    inputs = inputs_changed() if _people_have_stopped(now) else None
    if inputs is None or _decided_in_vain(inputs.name, now):
        return False
    with transaction.atomic():
        started = start_decide(scheduled=True)
        started.keep(**{INPUTS: inputs.name})
        log.info(
            "the schedule starts a run", run=started.pk, kind=started.kind, after="judgements or settings"
        )
    return True


def _people_have_stopped(now: datetime) -> bool:
    times = (
        Judgement.objects.aggregate(last=Max("created_time"))["last"],
        SettingChange.objects.aggregate(last=Max("changed_time"))["last"],
    )
    # What lies ahead was written by another clock.
    return not any(last and timedelta() <= now - last < LEAVE_TO_GO_ON for last in times)


def _decided_in_vain(inputs: str, now: datetime) -> bool:
    """The last run that was to bring decisions to these inputs could not: a service may be away."""
    last = Run.objects.filter(kind=Run.Kind.DECIDE).order_by("-pk").first()
    if last is None or last.result.get(INPUTS) != inputs:
        return False
    return now < (last.finished_time or last.created_time) + TRY_AGAIN


def _plan(now: datetime, settings: Preferences, services: Services) -> bool:
    classified = _last(Run.Kind.CLASSIFY, arguments__scheduled=True)
    if classified is None or classified.result.get(FOLLOWED):
        return False
    # A song that Plex, or a person there, has changed since we wrote, or that is not to be written, is for people.
    songs = Track.objects.filter(pk__in=classified.arguments["track_ids"], in_plex=InPlex.UNTOUCHED)
    ids = list(songs.values_list("pk", flat=True))
    # Whoever switches writing on later means the songs from then on.
    if not ids or not _may_write(settings):
        _follow(classified, None)
        return False
    _follow(classified, lambda: start_plan(ids, min_confidence=settings.write_confidence, scheduled=True))
    return True


def _push(now: datetime, settings: Preferences, services: Services) -> bool:
    planned = _last(Run.Kind.PLAN, arguments__scheduled=True)
    if planned is None or planned.result.get(FOLLOWED):
        return False
    batch = planned.batch
    if batch is None or batch.state != WriteBatch.State.PLANNED or not _may_write(settings):
        _follow(planned, None)
        return False
    _follow(planned, lambda: start_push(batch, scheduled=True))
    return True


def _may_write(settings: Preferences) -> bool:
    """Also where the environment switches it on: a person must have seen once what writing does."""
    return settings.write_automatically and has_applied_a_batch()


def _last(kind: Run.Kind, **conditions: object) -> Run | None:
    # By their numbers: a clock that was put right gives a later run an earlier time.
    return Run.objects.filter(kind=kind, state=Run.State.DONE, **conditions).order_by("-pk").first()


def _taken_by_person(sync: Run) -> bool:
    """Whether somebody has gone on from this sync, or chosen not to analyse all of it."""
    later = Run.objects.filter(kind__in=(Run.Kind.EXTRACT, Run.Kind.CLASSIFY, Run.Kind.TRAIN))
    return later.filter(pk__gt=sync.pk).exists()


def _new_songs(sync: Run) -> Sequence[int]:
    """Songs that were not analysed yet and that came since the last sync that was followed: to Plex, or with their
    library to the chosen ones."""
    before = Run.objects.filter(kind=Run.Kind.SYNC, result__followed=True, pk__lt=sync.pk)
    last = before.exclude(finished_time=None).order_by("-pk").first()
    songs = Track.objects.filter(present(), analysis=Analysis.PENDING).exclude(file="")
    if last is not None:
        # Earlier than that only where the clock was put back in between.
        came = Q(first_seen_time__gte=min(last.finished_time or sync.created_time, sync.created_time))
        songs = songs.filter(came | ~Q(library__in=last.result[CHOSEN]) if CHOSEN in last.result else came)
    return list(songs.order_by("pk").values_list("pk", flat=True))


def _provisional_songs() -> Sequence[int]:
    """Songs that a later stage should have decided and could not."""
    songs = Track.objects.filter(present(), analysis=Analysis.PROVISIONAL)
    return list(songs.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _follow(run: Run, start: Callable[[], Run] | None) -> None:
    """Start what comes after a run, and note that it has been, both or none."""
    run.keep(**{FOLLOWED: True})
    if start is not None:
        started = start()
        log.info("the schedule starts a run", run=started.pk, kind=started.kind, after=run.pk)
