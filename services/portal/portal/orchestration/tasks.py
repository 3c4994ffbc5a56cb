"""The jobs that workers know; procrastinate finds them here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app
from runtime.errors import RemoteError
from runtime.telemetry import bind_request_id, clear_request_id, get_logger

from portal.first_guess.keeping import refresh
from portal.orchestration import engine, schedule
from portal.orchestration.failed_songs import retry_due
from portal.registry.mirror import reconcile
from portal.runs import jobs
from portal.runs.holding import break_off, held, is_held
from portal.runs.models import Run
from portal.runs.work import Equipment

log = get_logger(__name__)
EQUIPMENT = "equipment"
# A tending that waits behind a long training would leave another worker's songs lying.
TENDING_PRIORITY = 100
# A wrong address looks like a restart for a while; a person waits for the answer.
LAST_ATTEMPT = 2


@contextmanager
def _at_work(context: JobContext, run_id: int) -> Iterator[Equipment]:
    """Holds the job meanwhile; every log bears the run's request id."""
    bind_request_id(Run.objects.filter(pk=run_id).values_list("request_id", flat=True).first())
    try:
        with held(context.job.id):
            yield _equipment(context)
    finally:
        clear_request_id()


@app.task(
    name=jobs.BEGIN,
    queue=jobs.QUEUE,
    pass_context=True,
    retry=RetryStrategy(max_attempts=20, wait=3, retry_exceptions=[engine.TryAgainError]),
)
def begin_run(context: JobContext, run_id: int) -> None:
    """Begin a run."""
    with _at_work(context, run_id) as equipment:
        try:
            engine.begin(run_id, equipment, job_id=context.job.id)
        except engine.TryAgainError as error:
            if not str(error) or context.job.attempts < LAST_ATTEMPT:
                raise
            engine.fail(run_id, str(error))


@app.task(
    name=jobs.WORK,
    queue=jobs.QUEUE,
    pass_context=True,
    # A database that was away for a moment is no fault of the songs.
    retry=RetryStrategy(max_attempts=20, wait=3, retry_exceptions=[OperationalError, InterfaceError]),
)
def work_on_songs(context: JobContext, run_id: int, track_ids: list[int]) -> None:
    """Work on a chunk of a run's songs."""
    with _at_work(context, run_id) as equipment:
        engine.work(run_id, track_ids, equipment, job_id=context.job.id)


@app.periodic(cron="* * * * * */5")  # the sixth field counts seconds
@app.task(
    name="tend_runs", queue="tending", queueing_lock="tend_runs", priority=TENDING_PRIORITY, pass_context=True
)
async def tend_runs(context: JobContext, timestamp: int) -> None:
    """Give jobs of dead workers to others, and look after runs that nobody works on."""
    manager = context.app.job_manager
    settings = _equipment(context).settings
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=settings.hopeless_after_seconds):
        await sync_to_async(break_off)(job.id)
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=settings.stalled_after_seconds):
        if await sync_to_async(is_held)(job.id):
            continue  # its worker is late, not dead
        await manager.retry_job(job)
        if job.task_name == jobs.WORK:
            arguments: dict[str, Any] = job.task_kwargs
            await sync_to_async(engine.count_lost)(arguments["run_id"], arguments["track_ids"])
    await manager.prune_stalled_workers(settings.hopeless_after_seconds)
    await sync_to_async(engine.tend)()


@app.periodic(cron="* * * * *")
@app.task(name="retry_due", queue="tending", queueing_lock="retry_due", priority=TENDING_PRIORITY)
def retry_due_songs(timestamp: int) -> None:
    """Try songs again that failed, when it is time."""
    retry_due()


@app.periodic(cron="* * * * *")
@app.task(
    name="keep_schedule", queue="tending", queueing_lock="keep_schedule", lock="keep_schedule",
    priority=TENDING_PRIORITY, pass_context=True,
)  # fmt: skip
def keep_schedule(context: JobContext, timestamp: int) -> None:
    """Start what is due by itself."""
    schedule.keep(timezone.now(), _equipment(context).services)


@app.periodic(cron="* * * * *")
@app.task(
    name="mirror_models",
    queue="tending",
    queueing_lock="mirror_models",
    priority=TENDING_PRIORITY,
    pass_context=True,
)
def mirror_models(context: JobContext, timestamp: int) -> None:
    """Keep the rows of models like what inference has: other programs switch models too."""
    try:
        reconcile(_equipment(context).services.models)
    except RemoteError as error:
        log.info("the models are not read", reason=error.message)


@app.periodic(cron="* * * * *")
@app.task(
    name="keep_first_guesses", queue="tending", queueing_lock="keep_first_guesses", priority=TENDING_PRIORITY
)
def keep_first_guesses(timestamp: int) -> None:
    """Guess songs while a long analysis is still at work, and after whatever else has changed them."""
    changed = refresh().songs
    if changed:
        log.info("first guesses are made anew", songs=changed)


def _equipment(context: JobContext) -> Equipment:
    additional: dict[str, Any] = context.additional_context
    equipment: Equipment = additional[EQUIPMENT]
    return equipment
