"""Fills the dashboard."""

from typing import Any

from django.http import HttpRequest

from portal.decisions.suspicion import Suspicion, suspicion
from portal.first_guess.reading import WORTH, first_guesses
from portal.labels.unmapped_tags import unknown_tag_songs
from portal.ledger.batches import last_written_batch, waiting_plan
from portal.library.stages import TRIAL_WARNING
from portal.pages import badges
from portal.pages.dashboard.advice import Situation, advice, steps
from portal.pages.dashboard.counts import Counts, bars, count_songs, guess_bars
from portal.pages.dashboard.services import Surroundings, surroundings
from portal.pages.theme import without_closed_page
from portal.registry.serving import serving_versions
from portal.runs.models import Run
from portal.teaching.results import suspended_sets
from portal.training.readiness import survey_genres
from portal.verdicts.models import Override


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds what the dashboard shows (django-unfold calls it for the index page)."""
    around = surroundings()
    counts = count_songs(serving_versions())
    suspected = suspicion()
    guesses = first_guesses()
    situation = _situation(counts, around, suspected)
    runs = [_run_row(run) for run in Run.objects.all()[:6]]
    at_work = [_run_row(run) for run in Run.objects.filter(state__in=Run.ACTIVE)]
    context.update(
        title="Dashboard",
        counts=counts,
        guesses=guesses,
        guess_bars=guess_bars(guesses),
        guesses_worth=WORTH,
        suspected=suspected,
        **bars(counts),
        runs=runs,
        at_work=at_work,
        is_live=bool(at_work),
        surroundings=around,
        trial_warning=TRIAL_WARNING,
        advice=[without_closed_page(one, request.user) for one in advice(situation)],
        steps=steps(situation),
        may_start=request.user.has_perm("runs.change_run"),
    )
    return context


def _run_row(run: Run) -> dict[str, Any]:
    return {"run": run, "badge": badges.RUN[run.state], "percent": run.percent}


def _situation(counts: Counts, around: Surroundings, suspected: Suspicion) -> Situation:
    planned = waiting_plan()
    written = last_written_batch()
    unknown = unknown_tag_songs()
    running = frozenset(Run.objects.filter(state__in=Run.ACTIVE).values_list("kind", flat=True))
    learns = around.model_ready is False
    return Situation(
        songs=counts.songs,
        by_analysis=counts.by_analysis,
        by_in_plex=counts.by_in_plex,
        tagged=counts.tagged,
        overridden=counts.overridden,
        running=running,
        model_ready=around.model_ready,
        model_trouble=around.model_trouble,
        stale=counts.stale,
        suspected=suspected,
        plex_trouble=around.plex_trouble,
        plex_unset=around.plex_unset,
        down=tuple(service.name for service in around.services if not service.serving),
        synced=Run.objects.filter(kind=Run.Kind.SYNC, state=Run.State.DONE).exists(),
        planned_batch=planned.pk if planned else None,
        planned_since=_planned_since(),
        written_batch=written.pk if written else None,
        trainable=len(survey_genres().trainable) if learns else None,
        unknown_tags=unknown.songs,
        suspended_sets=suspended_sets(),
        unknown_tags_message=str(unknown) if unknown.songs else "",
    )


def _planned_since() -> bool:
    """Whether a dry run has seen the songs' genres as they are decided now."""
    done = Run.objects.filter(state=Run.State.DONE)
    plan = done.filter(kind=Run.Kind.PLAN).order_by("-finished_time").first()
    if plan is None or plan.started_time is None:
        return False
    since = {"finished_time__gt": plan.started_time}
    # The schedule classifies after each sync, mostly nothing.
    classified = done.filter(kind=Run.Kind.CLASSIFY, done_count__gt=0, **since)
    decided = Override.objects.filter(created_time__gt=plan.started_time)
    # A training that has made no more than a candidate changes no song.
    switched = done.filter(model__promoted_time__isnull=False, **since)
    return not (classified.exists() or switched.exists() or decided.exists())
