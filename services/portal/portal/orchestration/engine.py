"""How a run goes from asked for to ended, whatever dies on the way. All of its state is in the database."""

from collections import Counter
from collections.abc import Iterator, Sequence

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone
from runtime.errors import RemoteError
from runtime.telemetry import get_logger

from portal.first_guess.keeping import refresh
from portal.orchestration.kinds import work_of
from portal.runs import jobs, layout
from portal.runs.asking import go_on
from portal.runs.models import Run, RunSong
from portal.runs.outcomes import outcome_of
from portal.runs.recording import Record, count, hold
from portal.runs.retry_schedule import MAX_ATTEMPTS, songs_at_once_after, wait_seconds
from portal.runs.work import (
    QUICK_SONGS_AT_ONCE,
    Equipment,
    Outcome,
    RunFailedError,
    RunInterruptedError,
    RunJob,
    Verdict,
)

log = get_logger(__name__)
# They give songs vectors, or a model.
_CHANGE_GUESSES = (
    Run.Kind.SYNC,
    Run.Kind.EXTRACT,
    Run.Kind.FILL,
    Run.Kind.CLASSIFY,
    Run.Kind.TRAIN,
    Run.Kind.PROMOTE,
)


class TryAgainError(Exception):
    """The job is to be done again later; the queue sees to it."""


def begin(run_id: int, equipment: Equipment, *, job_id: int | None = None) -> None:
    """Select the songs of a run, and put them into the queue together with the note that this is done."""
    job = _open(run_id, equipment)
    if job is None or job.run.songs_selected:
        settle(run_id, job_id=job_id)
        return
    work = work_of(job.run.kind)
    try:
        track_ids = list(work.select_songs(job))
    except RunInterruptedError as error:
        if equipment.stopping.is_set():
            raise TryAgainError from error
        settle(run_id, job_id=job_id)
    except RunFailedError as error:
        fail(run_id, str(error))
    except RemoteError as error:
        _fail_or_try_again(run_id, error, equipment)
    except (OperationalError, InterfaceError) as error:
        raise TryAgainError from error  # a database that was away, or that broke a tie, is no fault of the run
    else:
        _put_into_queue(job, track_ids, work.songs_at_once or equipment.settings.chunk_size)
        settle(run_id, job_id=job_id)


def work(run_id: int, track_ids: Sequence[int], equipment: Equipment, *, job_id: int | None = None) -> None:
    """Work on those of the songs that are still pending, and end the run when they were the last."""
    job = _open(run_id, equipment)
    if job is not None:
        try:
            _work_on(job, track_ids)
        except RunFailedError as error:
            fail(run_id, str(error))
    settle(run_id, job_id=job_id)


def settle(run_id: int, *, job_id: int | None = None) -> None:
    """End the run if nothing is left of it: exactly once, whoever comes first. `job_id`: the caller's own job."""
    with transaction.atomic():
        run = _locked(run_id)
        if run is None:
            return
        if run.state == Run.State.STOPPING:
            if not jobs.alive(run_id, but=job_id, doing_only=True):
                jobs.forget_waiting(run_id)
                work_of(run.kind).cancel(run)
                _end(run, Run.State.STOPPED, _left_over(run))
        elif run.songs_selected and not run.songs.filter(state=RunSong.State.PENDING).exists():
            _end(run, Run.State.DONE, work_of(run.kind).summarise(run))
            if run.kind in _CHANGE_GUESSES:
                refresh()  # with the run's end: whoever waited for it finds them
            go_on(run)


def fail(run_id: int, message: str) -> None:
    """End the run with what hinders it; its songs stay as they are."""
    with transaction.atomic():
        run = _locked(run_id)
        if run is not None:
            jobs.forget_waiting(run_id)
            work_of(run.kind).cancel(run)
            _end(run, Run.State.FAILED, message)


def stop(run_id: int) -> None:
    """Let the run end after the songs in progress."""
    with transaction.atomic():
        run = _locked(run_id)
        if run is None:
            return
        run.state = Run.State.STOPPING
        run.save(update_fields=("state",))
        jobs.forget_waiting(run_id)
    settle(run_id)


def tend() -> None:
    """Look after every run: end what is through, and give songs to workers that no job has any more."""
    for run_id in Run.objects.filter(state__in=Run.ACTIVE).values_list("pk", flat=True):
        settle(run_id)
        with transaction.atomic():
            run = _locked(run_id)
            if run is not None and not jobs.alive(run_id):
                _revive(run)
        settle(run_id)


def count_lost(run_id: int, track_ids: Sequence[int]) -> None:
    """A worker died, or an error struck, over these songs: that was an attempt, and the last one is enough."""
    pending = RunSong.objects.filter(run_id=run_id, track_id__in=track_ids, state=RunSong.State.PENDING)
    with transaction.atomic():
        hold(run_id)
        pending.update(attempts=F("attempts") + 1)
        failed = pending.filter(attempts__gte=MAX_ATTEMPTS).update(
            state=RunSong.State.FAILED,
            message="The worker died at this song, or failed with an error of its own, each time: see its log.",
        )
        count(run_id, Counter({RunSong.State.FAILED: failed}))


def _open(run_id: int, equipment: Equipment) -> RunJob | None:
    Run.objects.filter(pk=run_id, state=Run.State.WAITING).update(
        state=Run.State.RUNNING, started_time=timezone.now()
    )
    run = Run.objects.filter(pk=run_id, state=Run.State.RUNNING).first()
    if run is None:
        return None
    return RunJob(
        run=run, services=equipment.services, settings=equipment.settings, stopping=equipment.stopping
    )


def _locked(run_id: int) -> Run | None:
    return Run.objects.select_for_update().filter(pk=run_id, state__in=Run.ACTIVE).first()


def _end(run: Run, state: Run.State, message: str) -> None:
    run.state, run.message, run.finished_time = state, message, timezone.now()
    run.save(update_fields=("state", "message", "result", "finished_time"))
    layout.clear(run)
    log.info("run ended", run=run.pk, kind=run.kind, state=str(state), message=message)


def _left_over(run: Run) -> str:
    if not run.songs_selected:
        return "Stopped before the songs were known; start it again to go on."
    left = run.song_count - run.settled_count
    return f"Stopped with {left} of {run.song_count} songs left; start it again to go on with them."


def _fail_or_try_again(run_id: int, error: RemoteError, equipment: Equipment) -> None:
    if error.permanent and not equipment.stopping.is_set():
        fail(run_id, error.message)
        return
    Run.objects.filter(pk=run_id).update(step=f"Trying again: {error.message}"[:200], message=error.message)
    raise TryAgainError(error.message) from error


def _put_into_queue(job: RunJob, track_ids: Sequence[int], songs_at_once: int) -> None:
    run_id, quick = job.run.pk, job.quick_songs
    with transaction.atomic():
        run = _locked(run_id)
        if run is None or run.songs_selected:
            return
        run.song_count = layout.put_down(run_id, track_ids)
        jobs.defer_songs(run_id, track_ids[:quick], songs_at_once=QUICK_SONGS_AT_ONCE)
        jobs.defer_songs(run_id, track_ids[quick:], songs_at_once=songs_at_once)
        run.songs_selected, run.message, run.step = True, "", ""
        run.save(update_fields=("songs_selected", "message", "step", "song_count"))


def _work_on(job: RunJob, track_ids: Sequence[int]) -> None:
    run_id = job.run.pk
    pending = RunSong.objects.filter(run_id=run_id, track_id__in=track_ids, state=RunSong.State.PENDING)
    record = Record(run_id, dict(pending.order_by("pk").values_list("track_id", "attempts")))
    try:
        _note_outcomes(job, record)
    except RunInterruptedError:
        if job.stopping.is_set():
            given_back = [*record.left, *record.to_try_again]
            jobs.defer_songs(run_id, given_back, songs_at_once=len(given_back))
        return
    _try_again(run_id, record.to_try_again)


def _note_outcomes(job: RunJob, record: Record) -> None:
    try:
        for track_id, outcome in _outcomes(job, list(record.left)):
            if outcome.verdict is Verdict.AGAIN:
                job.check()  # calls that broke off because we end were no attempt
            record.note(track_id, outcome)
            record.keep_if_due()
            job.check()
    finally:
        record.keep()


def _try_again(run_id: int, track_ids: Sequence[int]) -> None:
    if not track_ids:
        return
    tried = RunSong.objects.filter(run_id=run_id, track_id__in=track_ids)
    seconds = wait_seconds(max(tried.values_list("attempts", flat=True)))
    jobs.defer_songs(run_id, track_ids, songs_at_once=len(track_ids), wait_seconds=seconds)


def _outcomes(job: RunJob, track_ids: list[int]) -> Iterator[tuple[int, Outcome]]:
    """What the work says of each song; a failure of the call for all of them at once is that of each."""
    through: set[int] = set()
    try:
        for track_id, outcome in work_of(job.run.kind).work(job, track_ids):
            through.add(track_id)
            yield track_id, outcome
    except RemoteError as error:
        outcome = outcome_of(error)
        yield from ((track_id, outcome) for track_id in track_ids if track_id not in through)


def _revive(run: Run) -> None:
    if not run.songs_selected:
        work_of(run.kind).cancel(run)
        message = run.message or "An error inside the portal ended it; the worker's log has more."
        _end(run, Run.State.FAILED, f"{message} (request {run.request_id})")
        return
    pending = run.songs.filter(state=RunSong.State.PENDING)
    count_lost(run.pk, list(pending.values_list("track_id", flat=True)))
    for attempts, track_ids in layout.by_attempts(run.pk):
        jobs.defer_songs(run.pk, track_ids, songs_at_once=songs_at_once_after(attempts))
