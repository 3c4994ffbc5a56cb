"""Fills the dashboard."""

from typing import Any

from django.http import HttpRequest

from portal import badges
from portal.dashboard.advice import Standing, advice
from portal.dashboard.counts import (
    Counts,
    agreement_bars,
    analysis_bars,
    beside_bars,
    count_songs,
    genre_bars,
    in_plex_bars,
)
from portal.dashboard.services import Surroundings, surroundings
from portal.ledger.models import WriteBatch
from portal.library.stages import TRIAL_WARNING
from portal.runs.engine import ACTIVE
from portal.runs.models import Run
from portal.verdicts.learnable import survey_genres
from portal.verdicts.serving import note_serving, serving_versions


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds what the dashboard shows (django-unfold calls it for the index page)."""
    around = surroundings()
    serving = note_serving(around.stages) if around.stages else serving_versions()
    counts = count_songs(serving)
    runs = list(Run.objects.all()[:6])
    context.update(
        title="Dashboard",
        counts=counts,
        analysis_bars=analysis_bars(counts),
        agreement_bars=agreement_bars(counts),
        in_plex_bars=in_plex_bars(counts),
        beside_bars=beside_bars(counts),
        genre_bars=genre_bars(counts),
        runs=[{"run": run, "badge": badges.RUN[run.state], "percent": run.percent} for run in runs],
        is_live=any(run.state in ACTIVE for run in runs),
        surroundings=around,
        trial_warning=TRIAL_WARNING,
        advice=advice(_standing(counts, around)),
    )
    return context


def _standing(counts: Counts, around: Surroundings) -> Standing:
    planned = (
        WriteBatch.objects.filter(state=WriteBatch.State.PLANNED, rows__isnull=False).order_by("-pk").first()
    )
    running = frozenset(Run.objects.filter(state__in=ACTIVE).values_list("kind", flat=True))
    return Standing(
        songs=counts.songs,
        by_analysis=counts.by_analysis,
        by_in_plex=counts.by_in_plex,
        tagged=counts.tagged,
        running=running,
        model_ready=around.model_ready,
        model_trouble=around.model_trouble,
        stale=counts.stale,
        suspects=counts.suspects,
        plex_trouble=around.plex_trouble,
        planned_batch=planned.pk if planned else None,
        learnable=len(survey_genres().learnable) if around.model_ready is False else None,
    )
