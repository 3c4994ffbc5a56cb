"""The tokens of other programs in the admin: made, shown once, revoked."""

from typing import Any
from weakref import WeakKeyDictionary

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from portal.callers.models import CallerToken
from portal.callers.tokens import give_token, hand_over, revoke
from portal.pages.page_admin import ListAdmin, column


@admin.register(CallerToken)
class CallerTokenAdmin(ListAdmin):
    """Who may call inference beside the parts of the system."""

    list_display = ("name", "role", "made", "made_by", "revoked", "revoked_by")
    list_display_links = None
    list_filter = ("role", ("revoked_time", admin.EmptyFieldListFilter))
    search_fields = ("name",)
    fields = ("name", "role")
    actions = ("revoke_chosen",)
    made = column("Made", "made_time")
    revoked = column("Revoked", "revoked_time", empty_value="valid")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # From the saving of a form to its answer.
        self._new: WeakKeyDictionary[HttpRequest, str] = WeakKeyDictionary()

    def has_change_permission(self, request: HttpRequest, obj: CallerToken | None = None) -> bool:
        # What a token opens does not change, and one that was revoked stays so.
        return False

    def has_delete_permission(self, request: HttpRequest, obj: CallerToken | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("callers.change_callertoken")

    def save_model(
        self, request: HttpRequest, obj: CallerToken, form: "ModelForm[Any]", change: bool
    ) -> None:
        self._new[request] = give_token(obj, request.user.get_username())

    def response_add(
        self, request: HttpRequest, obj: CallerToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The page that shows the token, once: no redirect, for what one carries is kept somewhere."""
        answer = self.page(
            request,
            "portal/token.html",
            title=f"Token of {obj.name}",
            caller=obj,
            token=self._new.pop(request),
            trouble=hand_over(),
            back=reverse("admin:callers_callertoken_changelist"),
        )
        answer["Cache-Control"] = "no-store"
        return answer

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke_chosen(self, request: HttpRequest, chosen: QuerySet[CallerToken]) -> None:
        """From now on these open nothing."""
        valid = list(chosen.filter(revoked_time=None))
        for caller in valid:
            revoke(caller, request.user.get_username())
            self.log_change(request, caller, "Revoked.")
        if not valid:
            messages.warning(request, "The chosen tokens are revoked already.")
            return
        names = ", ".join(caller.name for caller in valid)
        messages.success(request, f"Revoked: {names}.")
        trouble = hand_over()
        if trouble:
            messages.warning(request, trouble)
