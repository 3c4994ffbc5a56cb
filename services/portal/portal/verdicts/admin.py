"""The models that trainings made, in the admin: a list, and a page with the report of each."""

import base64
from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from runtime.errors import RemoteError
from unfold.admin import ModelAdmin

from portal.badges import MODEL
from portal.remote.models import Model, Picture, ShownModel, models_at_hand
from portal.runs.buttons import ask_for
from portal.runs.start import start_model_rollback, start_promote
from portal.verdicts.models import TrainedModel

LIST = "admin:verdicts_trainedmodel_changelist"


@admin.register(TrainedModel)
class TrainedModelAdmin(ModelAdmin):
    """Pages of what inference keeps; the database has no rows of it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: TrainedModel | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; a POST comes from one of its buttons."""
        self._check(request)
        if request.method == "POST":
            return self._switch(request)
        found: tuple[Model, ...] = ()
        trouble = ""
        try:
            with models_at_hand() as models:
                found = models.all()
        except RemoteError as error:
            trouble = error.message
        lines = [{"model": model, "badge": MODEL[model.state]} for model in found]
        serving = next((model for model in found if model.is_in_service), None)
        can_roll_back = any(model.promoted_time and not model.is_in_service for model in found)
        return self._page(
            request,
            "portal/models.html",
            {
                "title": "Models",
                "lines": lines,
                "serving": serving,
                "can_roll_back": can_roll_back,
                "trouble": trouble,
            },
        )

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """One model with its report."""
        self._check(request)
        try:
            with models_at_hand() as models:
                shown = models.get(object_id)
        except RemoteError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(reverse(LIST))
        return self._page(request, "portal/model.html", {"title": object_id, **_facts(shown)})

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        if request.method == "POST" and not self.has_change_permission(request):
            raise PermissionDenied

    def _switch(self, request: HttpRequest) -> HttpResponse:
        if "promote" in request.POST:
            ask_for(request, lambda: start_promote(request.POST["promote"]))
        elif "roll_back" in request.POST:
            ask_for(request, lambda: start_model_rollback(request.POST["roll_back"]))
        return HttpResponseRedirect(reverse(LIST))

    def _page(self, request: HttpRequest, template: str, found: dict[str, Any]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "may_change": self.has_change_permission(request),
            **found,
        }
        return TemplateResponse(request, template, context)


def _facts(shown: ShownModel) -> dict[str, Any]:
    return {
        "model": shown.model,
        "badge": MODEL[shown.model.state],
        "report": shown.report,
        "cascade": shown.report["cascade"],
        "stages": [
            {**stage, "matrix": list(_matrix(stage["confusion"]))} for stage in shown.report["stages"]
        ],
        "pictures": [(_title(picture), _inline(picture)) for picture in shown.pictures],
    }


def _matrix(confusion: dict[str, Any] | None) -> Iterator[tuple[str, list[int]]]:
    """Rows of the confusion matrix: the true genre, and how its songs were called."""
    if confusion:
        genres, counts = confusion["genres"], confusion["counts"]
        for row, genre in enumerate(genres):
            yield genre, counts[row * len(genres) : (row + 1) * len(genres)]


def _title(picture: Picture) -> str:
    return picture.name.rpartition(".")[0].replace("-", " ").replace("_", " ")


def _inline(picture: Picture) -> str:
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.content).decode()}"
