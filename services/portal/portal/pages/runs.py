"""Runs in the admin: what was asked for, how far it is, what went wrong."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin
from procrastinate.contrib.django.models import ProcrastinateJob
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from portal.orchestration.start import (
    start_classify,
    start_extract,
    start_plan,
    start_sync,
    start_training,
    stop,
)
from portal.pages import badges
from portal.pages.buttons import ask_for
from portal.pages.page_admin import ListAdmin, PageAdmin, column
from portal.pages.sentences import on_page
from portal.preferences.current import preferences
from portal.runs.models import Run, RunSong
from portal.training.preparing import Lacking

FAILURES_PER_PAGE = 100
# The runs that pages can start.
STARTS: dict[str, Callable[[HttpRequest], Run]] = {
    "sync": lambda request: start_sync(),
    "extract": lambda request: start_extract(),
    "classify": lambda request: start_classify(),
    "train": lambda request: start_training(),
    "train-as-is": lambda request: start_training(Lacking()),
    "train-public": lambda request: start_training(public=True),
    "plan": lambda request: start_plan(min_confidence=preferences().write_confidence, user=request.user),
}

admin.site.unregister(ProcrastinateJob)


@admin.register(ProcrastinateJob)
class JobAdmin(ProcrastinateJobAdmin, ListAdmin):
    """The queue behind the runs, for who looks for a fault; no menu leads to it."""


@admin.register(Run)
class RunAdmin(PageAdmin):
    """What was asked for, newest first."""

    page_template = "portal/run.html"
    empty_advice = "Buttons on the dashboard start them."
    list_display = (
        "name",
        "state_badge",
        "how_far",
        "failed",
        "what_happened",
        "asked_for",
        "finished_time",
    )
    list_filter = (("kind", ChoicesDropdownFilter), ("state", ChoicesDropdownFilter))
    list_filter_submit = True
    list_per_page = 20
    state_badge = badges.badge_column("State", "state", badges.RUN)
    failed = column("Failed", "failed_count")
    asked_for = column("Asked for", "created_time")

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        return (("start/<str:kind>/", "runs_run_start", self.start),)

    def start(self, request: HttpRequest, kind: str, **kwargs: Any) -> HttpResponse:
        """Start a run from the dashboard, and go back there."""
        if kind not in STARTS or request.method != "POST":
            raise Http404
        if not self.has_change_permission(request):
            raise PermissionDenied
        ask_for(request, lambda: STARTS[kind](request))
        return redirect("admin:index")

    @admin.display(description="Run", ordering="pk")
    def name(self, run: Run) -> str:
        return f"{run}, by the schedule" if run.is_scheduled else str(run)

    @admin.display(description="Progress")
    def how_far(self, run: Run) -> SafeString:
        return format_html(
            '<span class="rc-meter"><span class="rc-fill rc-{}" style="width:{}%"></span></span>{}',
            badges.RUN[run.state].tone,
            run.percent,
            f"{run.settled_count:,} of {run.song_count:,}" if run.song_count else f"{run.percent} %",
        )

    @admin.display(description="Message")
    def what_happened(self, run: Run) -> SafeString:
        return format_html("<span>{}</span>", on_page(run.message or run.step or "–"))

    def page_context(self, request: HttpRequest, obj: Run) -> dict[str, Any]:
        failures = (
            obj.songs.filter(
                Q(state__in=(RunSong.State.FAILED, RunSong.State.SKIPPED))
                | Q(state=RunSong.State.PENDING, attempts__gt=0)
            )
            .select_related("track")
            .order_by("pk")
        )
        badge = badges.RUN[obj.state]
        stages = list(obj.model.stages.all()) if obj.model and obj.kind == Run.Kind.TRAIN else []
        page = Paginator(failures, FAILURES_PER_PAGE).get_page(request.GET.get("p"))
        return {
            "run": obj,
            "badge": badge,
            "percent": obj.percent,
            "page": page,
            "failures": [{"song": song, "badge": badges.RUN_SONG[song.state]} for song in page],
            "can_stop": obj.state in (Run.State.WAITING, Run.State.RUNNING),
            "is_live": obj.state in Run.ACTIVE,
            "trained": stages,
            "learned": stages[-1].genres.all() if stages else (),
        }

    def page_post(self, request: HttpRequest, obj: Run) -> HttpResponse:
        if "stop" in request.POST:
            stop(obj)
            self.message_user(request, f"{obj} ends after the songs that are being worked on.")
        return self.back(obj)
