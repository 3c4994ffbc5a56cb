"""The queue as runs use it: jobs are put in and taken out in the caller's own transaction."""

from collections.abc import Sequence
from itertools import islice

from django.db import connection
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import JobDeferrer
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task
from procrastinate.types import JSONDict, TimeDeltaParams

BEGIN = "begin_run"
WORK = "work_on_songs"
QUEUE = "runs"
_JOBS_AT_ONCE = 500


def _task(name: str, *, wait_seconds: int | None = None) -> JobDeferrer:
    # Django's connection, also inside a worker, whose own one would not be part of our transaction.
    manager = JobManager(DjangoConnector())
    schedule: TimeDeltaParams | None = {"seconds": wait_seconds} if wait_seconds else None
    return configure_task(name=name, job_manager=manager, queue=QUEUE, schedule_in=schedule)


def defer_begin(run_id: int) -> None:
    """Let a worker begin the run."""
    _task(BEGIN).defer(run_id=run_id)


def defer_songs(
    run_id: int, track_ids: Sequence[int], *, songs_at_once: int, wait_seconds: int | None = None
) -> None:
    """Let workers work on these songs, so many in a job."""
    task = _task(WORK, wait_seconds=wait_seconds)
    remaining = iter(track_ids)
    chunks = iter(lambda: list(islice(remaining, songs_at_once)), [])
    while jobs := [_arguments(run_id, chunk) for chunk in islice(chunks, _JOBS_AT_ONCE)]:
        task.batch_defer(*jobs)


def _arguments(run_id: int, track_ids: list[int]) -> JSONDict:
    return {"run_id": run_id, "track_ids": [*track_ids]}


def alive(run_id: int, *, but: int | None = None, doing_only: bool = False) -> bool:
    """Whether a job of the run waits or is being done, other than the job `but`."""
    states = ("doing",) if doing_only else ("todo", "doing")
    jobs = ProcrastinateJob.objects.filter(queue_name=QUEUE, status__in=states, args__run_id=run_id)
    return bool(jobs.exclude(pk=but).exists() if but is not None else jobs.exists())


def forget_waiting(run_id: int) -> None:
    """Take the run's waiting jobs out of the queue; nobody would do anything in them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE queue_name = %s AND status = 'todo' AND args @> %s::jsonb",
            [QUEUE, f'{{"run_id": {run_id:d}}}'],
        )
