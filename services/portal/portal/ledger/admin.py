"""Write batches in the admin: what would be, was, or no longer is written to Plex."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from portal import badges
from portal.ledger.differences import difference
from portal.ledger.models import WriteBatch, WriteRow
from portal.pages import PageAdmin
from portal.runs.buttons import ask_for
from portal.runs.start import start_push, start_rollback

ROWS_PER_PAGE = 100
# The button of a batch in each state, and what is said before it is done.
STEPS = {
    WriteBatch.State.PLANNED: (
        "apply",
        "Apply",
        "The genres of {count} will be written to Plex. What stands there now is kept, and can be put back.",
    ),
    WriteBatch.State.APPLIED: (
        "roll_back",
        "Roll back",
        "The genres and locks of {count} will be put back as they were before this batch. Songs that somebody "
        "has changed in Plex since are left alone.",
    ),
}


def _count(state: str) -> Count:
    return Count("rows", filter=Q(rows__state=state))


@admin.register(WriteBatch)
class WriteBatchAdmin(PageAdmin):
    """Batches of edits; each is kept for ever."""

    page_template = "portal/batch.html"
    list_display = ("number", "state_badge", "songs", "written", "conflicts", "failed", "created_time", "by")
    list_filter = (("state", ChoicesDropdownFilter),)
    list_filter_submit = True
    list_select_related = ("by",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WriteBatch]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                row_count=Count("rows"),
                written_count=_count(WriteRow.State.WRITTEN),
                conflict_count=_count(WriteRow.State.CONFLICT),
                failed_count=_count(WriteRow.State.FAILED),
            )
        )

    @display(description="Batch", ordering="pk")
    def number(self, batch: WriteBatch) -> str:
        return str(batch)

    @display(description="State", ordering="state")
    def state_badge(self, batch: WriteBatch) -> SafeString:
        return badges.BATCH[batch.state].html

    @display(description="Songs", ordering="row_count")
    def songs(self, batch: Any) -> int:
        return int(batch.row_count)

    @display(description="Written", ordering="written_count")
    def written(self, batch: Any) -> int:
        return int(batch.written_count)

    @display(description="Conflicts", ordering="conflict_count")
    def conflicts(self, batch: Any) -> int:
        return int(batch.conflict_count)

    @display(description="Failed", ordering="failed_count")
    def failed(self, batch: Any) -> int:
        return int(batch.failed_count)

    def page_context(self, request: HttpRequest, obj: WriteBatch) -> dict[str, Any]:
        counts = dict(obj.rows.order_by().values_list("state").annotate(Count("pk")))
        chosen = request.GET.get("state", "")
        rows = obj.rows.select_related("track").order_by(
            "track__artist", "track__album", "track__title", "pk"
        )
        if chosen in WriteRow.State.values:
            rows = rows.filter(state=chosen)
        page = Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("p"))
        return {
            "batch": obj,
            "badge": badges.BATCH[obj.state],
            "counts": [
                {"state": state, "badge": badge, "count": counts[state]}
                for state, badge in badges.ROW.items()
                if counts.get(state)
            ],
            "total": sum(counts.values()),
            "chosen": chosen,
            "page": page,
            "rows": [
                {
                    "row": row,
                    "badge": badges.ROW[row.state],
                    "difference": difference(row.before_genres, row.after_genres),
                }
                for row in page
            ],
            "step": STEPS.get(WriteBatch.State(obj.state)),
        }

    def page_post(self, request: HttpRequest, obj: WriteBatch) -> HttpResponse:
        step = STEPS.get(WriteBatch.State(obj.state))
        if step is None or step[0] not in request.POST:
            # The page was older than the batch's state.
            return self.back(obj)
        if "sure" not in request.POST:
            return self._confirm(request, obj, *step)
        start = start_push if step[0] == "apply" else start_rollback
        ask_for(request, lambda: start(obj, request.user))
        return self.back(obj)

    def _confirm(
        self, request: HttpRequest, obj: WriteBatch, name: str, words: str, text: str
    ) -> TemplateResponse:
        affected = WriteRow.State.PLANNED if name == "apply" else WriteRow.State.WRITTEN
        count = obj.rows.filter(state=affected).count()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": obj,
            "title": f"{words} {str(obj).lower()}",
            "text": text.format(count=f"{count:,} song{'' if count == 1 else 's'}"),
            "name": name,
            "words": words,
            "cancel": self.page_url(obj),
        }
        return TemplateResponse(request, "portal/confirm.html", context)
