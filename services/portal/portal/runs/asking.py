"""Puts down that a run is asked for, also one that comes after another."""

from typing import Any

from django.db import IntegrityError, transaction

from portal.runs import jobs
from portal.runs.models import THEN, THEN_ARGUMENTS, Run


def ask(kind: str, request_id: str, arguments: dict[str, Any], batch_id: int | None = None) -> Run:
    """A new run, for a worker to begin. Raises `IntegrityError` while one of its kind is in progress."""
    with transaction.atomic():
        run = Run.objects.create(kind=kind, request_id=request_id, arguments=arguments, batch_id=batch_id)
        jobs.defer_begin(run.pk)
    return run


def go_on(run: Run) -> None:
    """Ask for the run that was to come after this one, which is done."""
    kind = run.arguments.get(THEN)
    if not kind:
        return
    try:
        following = ask(kind, run.request_id, run.arguments.get(THEN_ARGUMENTS, {}))
    except IntegrityError:  # somebody asked for it meanwhile
        following = Run.objects.filter(kind=kind).latest("pk")
    run.followed_by = following
    run.save(update_fields=("followed_by",))
