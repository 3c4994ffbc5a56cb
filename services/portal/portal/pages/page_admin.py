"""Lists of the admin that bear what anybody may write into an address, and pages of our own in place of forms over all
fields: facts to read, and a few buttons."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError, NotSupportedError, ProgrammingError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from runtime.telemetry import get_logger
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

log = get_logger(__name__)
# What a filter that no page makes comes to: any lookup of any field can be written into an address.
NONSENSE = (
    *(ArithmeticError, LookupError, TypeError, ValueError, ValidationError),
    *(DataError, NotSupportedError, ProgrammingError),
)


def column(description: str, field: str, *, empty_value: str | None = None) -> Any:
    """A column of a list for a field, or for what the list's query has counted, under a heading of its own."""

    @admin.display(description=description, ordering=field, empty_value=empty_value)
    def value_of(page: object, obj: Model) -> Any:
        return getattr(obj, field)

    return value_of


class PageList(ChangeList):
    """A list that offers to show all only where a filter or a search leaves something out."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count


class ListAdmin(ModelAdmin):
    """A list that answers an address or a form that no page of it makes by a sentence."""

    def page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        """A page of our own, with what every page of the admin shows around it."""
        around = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "may_change": self.has_change_permission(request),
        }
        return TemplateResponse(request, template, around | context)

    def refuse_without_rights(self, request: HttpRequest, obj: Model | None = None) -> None:
        """Raise PermissionDenied for who may not see such a page, or presses a button that is not theirs to press."""
        is_post = request.method == "POST"
        may = self.has_change_permission if is_post else self.has_view_or_change_permission
        if not may(request, obj):
            raise PermissionDenied

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list. Nonsense in a filter may come to light only where the database or Python is to read it."""
        try:
            return super().get_changelist_instance(request)
        except NONSENSE as error:
            if not request.GET:
                raise  # nothing was asked for
            log.warning("a list was asked for what cannot be", address=request.path, error=str(error))
            raise IncorrectLookupParameters from error

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list; the admin leads from a wrong address to one that has `ERROR_FLAG` alone."""
        if ERROR_FLAG in request.GET:
            if len(request.GET) > 1:
                return redirect(f"{request.path}?{ERROR_FLAG}=1")
            messages.warning(
                request, "The address asks for a list that cannot be shown: here is the whole list."
            )
        answer: HttpResponse = super().changelist_view(request, extra_context)
        return answer

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Do an action with what was ticked."""
        if not all(map(self._can_be_a_key, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            messages.warning(request, "Nothing was done: what was ticked is not in this list.")
            return None
        answer: HttpResponse | None = super().response_action(request, queryset)
        return answer

    def _can_be_a_key(self, value: str) -> bool:
        try:
            self.opts.pk.to_python(value)
        except ValidationError:
            return False
        return True


class KeptAdmin(ListAdmin):
    """A list whose objects are neither added nor deleted by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class PageAdmin(KeptAdmin):
    """Shows each object on a page made from `page_template`."""

    page_template: ClassVar[str]
    empty_advice: ClassVar[str] = ""
    """What to do where the list has nothing."""
    list_per_page = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # a count behind each choice of each filter is a query over all songs each

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return PageList

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the template shows beside the object and its title."""
        return {}

    def page_get(self, request: HttpRequest, obj: Any) -> HttpResponse | None:
        """A page that a button of the page leads to, at an address that the browser can go back to; None: the page."""
        return None

    def page_post(self, request: HttpRequest, obj: Any) -> HttpResponse | None:
        """Do what a button of the page asks; None shows the page again (a form was filled in wrongly, or no button)."""
        return None

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        obj = self.get_object(request, object_id)
        if obj is None:
            return self._gone(request, object_id)
        self.refuse_without_rights(request, obj)
        answer = (self.page_post if request.method == "POST" else self.page_get)(request, obj)
        if answer is not None:
            return answer
        context = {"original": obj, "title": str(obj), **self.page_context(request, obj)}
        return self.page(request, self.page_template, **context)

    def page_url(self, obj: Model) -> str:
        """The address of an object's page."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(obj.pk,))

    def back(self, obj: Model) -> HttpResponseRedirect:
        """To the object's page."""
        return redirect(self.page_url(obj))

    def _gone(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        messages.warning(request, f"There is no {self.opts.verbose_name} {object_id}.")
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
