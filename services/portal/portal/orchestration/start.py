"""Asks for runs, and stops them: what the admin's buttons and the command line call."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils.timezone import localtime
from runtime.telemetry import bind_request_id, clear_request_id, request_id

from portal.ledger.models import WriteBatch, WriteRow
from portal.orchestration import engine
from portal.remote.inference import IF_BETTER
from portal.runs.asking import ask
from portal.runs.models import GAVE_WAY, SCHEDULED, THEN, THEN_ARGUMENTS, Run
from portal.training.preparing import Lacking, lacking_now

_IS_RUNNING = {
    Run.Kind.SYNC: "A sync is already running",
    Run.Kind.EXTRACT: "An analysis is already running",
    Run.Kind.FILL: "Missing vectors are already being filled in",
    Run.Kind.CLASSIFY: "A classification is already running",
    Run.Kind.DECIDE: "Songs are already being decided",
    Run.Kind.TRAIN: "A training is already running",
    Run.Kind.PROMOTE: "A switch of models is already running",
    Run.Kind.PLAN: "A dry run is already running",
    Run.Kind.PUSH: "A batch is already being applied",
    Run.Kind.ROLLBACK: "A batch is already being rolled back",
}


class CannotStart(Exception):  # noqa: N818 # a refusal with its reason, not a fault
    """Why a run cannot start, as a sentence for a person."""


def start_sync(libraries: Sequence[str] = (), *, full: bool = False, scheduled: bool = False) -> Run:
    """Read these libraries (none: those of the settings) from Plex; `full` also what seems unchanged."""
    return _start(Run.Kind.SYNC, libraries=list(libraries), full=full, scheduled=scheduled)


def start_extract(
    stages: Sequence[str] = (), *, track_ids: Iterable[int] | None = None, scheduled: bool = False
) -> Run:
    """Extract from these songs, or all, the vectors that they lack: of these stages ("all" is every one), or of those
    that are installed."""
    return _start(Run.Kind.EXTRACT, stages=list(stages), track_ids=_listed(track_ids), scheduled=scheduled)


def start_fill(kinds: Sequence[str], *, scheduled: bool = False) -> Run:
    """Make the vectors of these kinds for all songs that were analysed without them, until any other run begins."""
    other = Run.objects.filter(state__in=Run.ACTIVE).exclude(kind=Run.Kind.FILL).first()
    if other is not None:
        raise CannotStart(
            f"{other} is at work: missing vectors are filled in when nothing else is to be done."
        )
    return _start(Run.Kind.FILL, kinds=list(kinds), scheduled=scheduled)


def start_classify(
    track_ids: Iterable[int] | None = None, *, again: bool = False, scheduled: bool = False
) -> Run:
    """Classify these songs, or all; `again` also those that the model in service has classified."""
    return _start(Run.Kind.CLASSIFY, track_ids=_listed(track_ids), again=again, scheduled=scheduled)


def start_decide(*, scheduled: bool = False) -> Run:
    """Decide the songs of every artist of whom something has changed."""
    return _start(Run.Kind.DECIDE, scheduled=scheduled)


def start_train(
    promotion: str = IF_BETTER,
    *,
    extract_first: Iterable[int] = (),
    stages: Sequence[str] = (),
    public: bool = False,
) -> Run:
    """Learn from the labelled songs; where any are to be analysed first (for the vectors of `stages`, none: those that
    are installed), this is the run that does so, and the training comes after it. `promotion` says when the new model
    is put into service, `public` that public tables are learned from too."""
    track_ids = list(extract_first)
    wanted: dict[str, Any] = {} if promotion == IF_BETTER else {"promotion": promotion}
    wanted |= {"public": True} if public else {}
    if not track_ids:
        return _start(Run.Kind.TRAIN, **wanted)
    if Run.objects.filter(kind=Run.Kind.TRAIN, state__in=Run.ACTIVE).exists():
        raise CannotStart(_running_message(Run.Kind.TRAIN))
    then: dict[str, Any] = {THEN: Run.Kind.TRAIN, THEN_ARGUMENTS: wanted}
    return _start(Run.Kind.EXTRACT, stages=list(stages), track_ids=track_ids, **then)


def start_training(
    lacking: Lacking | None = None, promotion: str = IF_BETTER, *, public: bool = False
) -> Run:
    """Have what is lacking made, then learn. The run that comes first."""
    lacking = lacking_now(public=public) if lacking is None else lacking
    try:
        return start_train(promotion, extract_first=lacking.track_ids, stages=lacking.stages, public=public)
    except CannotStart as error:
        if not lacking.track_ids:
            raise
        raise CannotStart(f"{error} `reclass train --as-is` learns from what is there.") from error


def start_promote(model: str, *, by: str = "") -> Run:
    """Put a model into service; `by`: whoever wants it."""
    return _start(Run.Kind.PROMOTE, model=model, by=by)


def start_model_rollback(in_service: str, *, by: str = "") -> Run:
    """Put the model back that was in service before this one."""
    return _start(Run.Kind.PROMOTE, back_from=in_service, by=by)


def start_plan(
    track_ids: Iterable[int] | None = None,
    *,
    min_confidence: float,
    user: User | AnonymousUser | None = None,
    scheduled: bool = False,
    random_weights: bool = False,
) -> Run:
    """Make a batch of the edits that are needed, without doing them; `run.batch`. What models
    for trials decided is left out unless `random_weights` asks for it."""
    if not 0 <= min_confidence <= 1:
        raise CannotStart(f"The minimum confidence is {min_confidence}: it must be between 0 and 1.")
    with transaction.atomic():
        by = user if isinstance(user, User) else None
        batch = WriteBatch.objects.create(min_confidence=min_confidence, by=by)
        asked: dict[str, Any] = {"random_weights": True} if random_weights else {}
        return _start(Run.Kind.PLAN, batch=batch, track_ids=_listed(track_ids), scheduled=scheduled, **asked)


def start_push(
    batch: WriteBatch,
    user: User | AnonymousUser | None = None,
    *,
    scheduled: bool = False,
    random_weights: bool = False,
) -> Run:
    """Carry out a planned batch, or go on with one that was stopped. One with genres that models for trials decided is
    refused unless `random_weights` asks for it."""
    if not random_weights:
        _refuse_random_weights(batch)
    _refuse_active(Run.Kind.PLAN, batch)
    _refuse_active(Run.Kind.ROLLBACK, batch)
    states = WriteBatch.State
    allowed = (states.PLANNED, states.APPLYING)
    return _with_batch(Run.Kind.PUSH, batch, user, allowed, states.APPLYING, scheduled=scheduled)


def start_rollback(batch: WriteBatch, user: User | AnonymousUser | None = None) -> Run:
    """Put back what stood in Plex before a batch."""
    _refuse_active(Run.Kind.PUSH, batch)
    _refuse_written_over(batch)
    states = WriteBatch.State
    allowed = (states.APPLYING, states.APPLIED, states.ROLLING_BACK)
    return _with_batch(Run.Kind.ROLLBACK, batch, user, allowed, states.ROLLING_BACK)


def stop(run: Run) -> None:
    """Let a run end after the songs in progress; the next one of its kind goes on with the rest."""
    engine.stop(run.pk)


def _listed(track_ids: Iterable[int] | None) -> list[int] | None:
    return None if track_ids is None else list(track_ids)


def _start(
    kind: Run.Kind, *, batch: WriteBatch | None = None, scheduled: bool = False, **arguments: Any
) -> Run:
    bound = request_id()
    identity = bound or bind_request_id()
    if bound is None:
        clear_request_id()
    if scheduled:
        arguments |= {SCHEDULED: True}
    _refuse_no_text(arguments)
    if kind != Run.Kind.FILL:
        _stop_filling()
    try:
        return ask(kind, identity, arguments, batch.pk if batch else None)
    except IntegrityError as error:
        raise CannotStart(_running_message(kind)) from error


def _stop_filling() -> None:
    """What is done in idle time ends after the songs in progress, and goes on when nothing else is to be done."""
    for run in Run.objects.filter(kind=Run.Kind.FILL, state__in=(Run.State.WAITING, Run.State.RUNNING)):
        Run.objects.filter(pk=run.pk).update(arguments={**run.arguments, GAVE_WAY: True})
        stop(run)


def _refuse_no_text(arguments: Mapping[str, Any]) -> None:
    """What was typed may be any bytes, and no database keeps those that are no text."""
    try:
        json.dumps(arguments, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise CannotStart(f"{error.object[error.start : error.end]!r} is no text in UTF-8.") from error


def _running_message(kind: Run.Kind) -> str:
    run = Run.objects.filter(kind=kind, state__in=Run.ACTIVE).first()
    since = (
        f" since {localtime(run.created_time):%H:%M} (run {run.pk}, {run.get_state_display().lower()})"
        if run
        else ""
    )
    return (
        f"{_IS_RUNNING[kind]}{since}: wait for it (`reclass status` says how far it is), "
        "or stop it in the admin."
    )


def _refuse_active(kind: Run.Kind, batch: WriteBatch) -> None:
    if Run.objects.filter(kind=kind, state__in=Run.ACTIVE, batch=batch).exists():
        raise CannotStart(f"Batch {batch.pk} is in use: {_running_message(kind)}")


def _refuse_random_weights(batch: WriteBatch) -> None:
    songs = batch.rows.filter(state=WriteRow.State.PLANNED, random_weights=True).count()
    if songs:
        raise CannotStart(
            f"Random weights decided the genres of {songs:,} songs of batch {batch.pk}, which mean nothing. Plan "
            "another batch without them; or, to see what writing does, use `reclass push --random-weights`."
        )


def _refuse_written_over(batch: WriteBatch) -> None:
    """The older edit could not be told from somebody else's, so the order of rolling back is newest first.

    A batch of which songs are left after its rollback holds up no older one: these songs alone are left alone there.
    """
    tried = Run.objects.filter(kind=Run.Kind.ROLLBACK, state=Run.State.DONE, batch=OuterRef("batch"))
    written = WriteRow.objects.filter(state=WriteRow.State.WRITTEN)
    of_batch = written.filter(batch=batch, track=OuterRef("track"), written_time__lt=OuterRef("written_time"))
    over = written.exclude(batch=batch).filter(Exists(of_batch)).exclude(Exists(tried))
    later = over.order_by("-written_time").first()
    if later is not None:
        raise CannotStart(
            f"Batch {later.batch_id} has written over songs of batch {batch.pk} since: roll it back first "
            f"(`reclass rollback {later.batch_id}`)."
        )


def _with_batch(
    kind: Run.Kind,
    batch: WriteBatch,
    user: User | AnonymousUser | None,
    allowed: Sequence[WriteBatch.State],
    state: WriteBatch.State,
    *,
    scheduled: bool = False,
) -> Run:
    with transaction.atomic():
        locked = WriteBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
        if locked.state not in allowed:
            word = "applied" if kind == Run.Kind.PUSH else "rolled back"
            stands = locked.get_state_display().lower()
            raise CannotStart(
                f"Batch {batch.pk} is {word} already."
                if stands == word
                else f"Batch {batch.pk} is {stands}: it cannot be {word}."
            )
        run = _start(kind, batch=batch, by=str(user) if user else "", scheduled=scheduled)
        locked.state = state
        locked.save(update_fields=("state",))
        batch.state = state
        return run
