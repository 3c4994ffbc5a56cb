"""Write batches in the admin: what would be, was, or no longer is written to Plex."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from portal.counting import counted
from portal.ledger.differences import difference
from portal.ledger.kinds import WriteKind
from portal.ledger.models import WriteBatch, WriteRow
from portal.orchestration.start import start_push, start_rollback
from portal.pages import badges
from portal.pages.buttons import ask_for
from portal.pages.page_admin import PageAdmin, column
from portal.runs.models import Run
from portal.writing.overtaken import older_than_judgements, rows_spoken_against, spoken_against
from portal.writing.stated import stated, words_of_kinds

ROWS_PER_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Step:
    """What can be done with a batch."""

    name: str
    words: str
    """On the button."""
    promise: str
    """What is said before it is done."""
    affects: tuple[str, ...]
    """States of the rows that it works on."""
    start: Callable[..., Run]


APPLY = Step(
    name="apply",
    words="Apply",
    promise="The genres of {count} will be written to Plex. What stands there now is kept, and can be put back.",
    affects=(WriteRow.State.PLANNED,),
    start=start_push,
)
ROLL_BACK = Step(
    name="roll_back",
    words="Roll back",
    promise=(
        "The genres and locks of {count} will be put back as they were before this batch. Songs that somebody has "
        "changed in Plex since are left alone."
    ),
    affects=(WriteRow.State.WRITTEN,),
    start=start_rollback,
)
# A batch that was stopped half-way can be gone on with, or taken back.
STEPS: Mapping[str, tuple[Step, ...]] = {
    WriteBatch.State.PLANNED: (APPLY,),
    WriteBatch.State.APPLYING: (ROLL_BACK, replace(APPLY, words="Go on applying")),
    WriteBatch.State.APPLIED: (ROLL_BACK,),
    WriteBatch.State.ROLLING_BACK: (replace(ROLL_BACK, words="Go on rolling back"),),
}


def _count(state: str) -> Count:
    return Count("rows", filter=Q(rows__state=state))


@admin.register(WriteBatch)
class WriteBatchAdmin(PageAdmin):
    """Batches of edits; each is kept for ever."""

    page_template = "portal/batch.html"
    empty_advice = (
        "A dry run makes one: “Dry run” on the dashboard, or tick songs in the list of songs and choose “Plan a "
        "write batch”."
    )
    list_display = (
        "number",
        "state_badge",
        "songs",
        "kinds",
        "written",
        "conflicts",
        "failed",
        "planned",
        "by",
    )
    list_filter = (("state", ChoicesDropdownFilter),)
    list_filter_submit = True
    list_select_related = ("by",)
    state_badge = badges.badge_column("State", "state", badges.BATCH)
    songs = column("Songs", "row_count")
    written = column("Written", "written_count")
    conflicts = column("Conflicts", "conflict_count")
    failed = column("Failed", "failed_count")
    planned = column("Planned", "created_time")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WriteBatch]:
        found: QuerySet[WriteBatch] = super().get_queryset(request)
        return found.annotate(
            row_count=Count("rows"),
            written_count=_count(WriteRow.State.WRITTEN),
            conflict_count=_count(WriteRow.State.CONFLICT),
            failed_count=_count(WriteRow.State.FAILED),
            **{f"{kind}_count": Count("rows", filter=Q(rows__kind=kind)) for kind in WriteKind},
        )

    @admin.display(description="Batch", ordering="pk")
    def number(self, batch: WriteBatch) -> str:
        return str(batch)

    @admin.display(description="Kinds")
    def kinds(self, batch: Any) -> str:
        return words_of_kinds({kind: getattr(batch, f"{kind}_count") for kind in WriteKind}) or "–"

    def page_context(self, request: HttpRequest, obj: WriteBatch) -> dict[str, Any]:
        counts = dict(obj.rows.order_by().values_list("state").annotate(Count("pk")))
        chosen = request.GET.get("state", "")
        rows = obj.rows.select_related("track").order_by(
            "track__artist", "track__album", "track__title", "pk"
        )
        if chosen in WriteRow.State.values:
            rows = rows.filter(state=chosen)
        run = obj.runs.filter(state__in=Run.ACTIVE).first()
        plan = obj.runs.filter(kind=Run.Kind.PLAN).first()
        page = Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("p"))
        return {
            "batch": obj,
            "badge": badges.BATCH[obj.state],
            "counts": [
                {"state": state, "badge": badge, "count": counts[state]}
                for state, badge in badges.ROW.items()
                if counts.get(state)
            ],
            "stated": stated(obj.rows.all()),
            "older": older_than_judgements(obj),
            "spoken_against": spoken_against(obj),
            "total": sum(counts.values()),
            "chosen": chosen,
            "page": page,
            "rows": [
                {
                    "row": row,
                    "badge": badges.ROW[row.state],
                    "kind": badges.KIND[row.kind],
                    "difference": difference(row.before_genres, row.after_genres),
                }
                for row in page
            ],
            "by_random_weights": obj.rows.filter(random_weights=True).count(),
            "unknown_tags": plan.unknown_tags.all() if plan else (),
            "run": run,
            "steps": () if run else STEPS.get(obj.state, ()),
        }

    def page_get(self, request: HttpRequest, obj: WriteBatch) -> HttpResponse | None:
        asked = (step for step in STEPS.get(obj.state, ()) if step.name == request.GET.get("step"))
        step = next(asked, None) if self.has_change_permission(request) else None
        return self._confirm(request, obj, step) if step else None

    def page_post(self, request: HttpRequest, obj: WriteBatch) -> HttpResponse:
        step = next((step for step in STEPS.get(obj.state, ()) if step.name in request.POST), None)
        if step is None:
            # The page was older than the batch's state.
            messages.warning(request, f"{obj} is {obj.get_state_display().lower()} by now.")
            return self.back(obj)
        if "sure" not in request.POST:
            return self._confirm(request, obj, step)
        asked = {"random_weights": True} if step.name == "apply" and "random_weights" in request.POST else {}
        ask_for(request, lambda: step.start(obj, request.user, **asked))
        return self.back(obj)

    def _confirm(self, request: HttpRequest, obj: WriteBatch, step: Step) -> TemplateResponse:
        affected = obj.rows.filter(state__in=step.affects)
        is_push = step.name == "apply"
        count = affected.count() - (rows_spoken_against(obj).count() if is_push else 0)
        return self.page(
            request,
            "portal/confirm.html",
            original=obj,
            title=f"{step.words} {str(obj).lower()}",
            text=step.promise.format(count=counted(count, "song")),
            step=step,
            older=older_than_judgements(obj) if is_push else "",
            spoken_against=spoken_against(obj) if is_push else "",
            by_random_weights=affected.filter(random_weights=True).count() if is_push else 0,
            cancel=self.page_url(obj),
        )
