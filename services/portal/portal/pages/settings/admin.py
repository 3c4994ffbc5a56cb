"""The settings page in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from runtime.errors import RemoteError

from portal.ledger.batches import has_applied_a_batch
from portal.library.models import Embedding, Track
from portal.pages.page_admin import KeptAdmin
from portal.pages.settings.embeddings import asked_kind, context, take
from portal.pages.settings.forms import ConnectionForm, SettingsForm
from portal.pages.settings.page import (
    groups,
    held_by_environment,
    locked_by,
    sources,
    told_by_features,
    words,
)
from portal.pages.settings.plex_connection import connect, connection_now
from portal.preferences.changing import ChangeRefusedError, change, reset
from portal.preferences.current import current_settings
from portal.preferences.models import ChangedSetting, SettingChange

CHANGES_LISTED = 20
PAGE = "admin:preferences_changedsetting_changelist"
EMBEDDINGS = "admin:preferences_changedsetting_embeddings"


@admin.register(ChangedSetting)
class SettingsAdmin(KeptAdmin):
    """One page for all settings in place of a list of rows."""

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """A row by itself says nothing; the page has all of them."""
        return redirect(PAGE)

    @method_decorator(sensitive_post_parameters("token"))
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The page; a POST comes from one of its buttons."""
        self.refuse_without_rights(request)
        if request.method == "POST" and "connect" in request.POST:
            return self._connect(request)
        if request.method == "POST" and "reset" in request.POST:
            return self._reset(request, request.POST["reset"])
        return self._settings(request)

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        return (("embeddings/", "preferences_changedsetting_embeddings", self.embeddings),)

    def embeddings(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The owner's table of embeddings; a POST comes from one of its buttons."""
        self.refuse_without_rights(request)
        may_start = request.user.has_perm("runs.change_run")
        if request.method == "POST":
            if "fill" in request.POST and not may_start:
                raise PermissionDenied
            take(request)
            kind = asked_kind(request)
            there = Embedding.objects.filter(kind=kind).exists()
            # The keyboard's focus goes back to where it was.
            return redirect(reverse(EMBEDDINGS) + (f"#embedding-{kind}" if there else ""))
        return self.page(
            request, "portal/embeddings.html", opts=None, title="Embeddings", may_start=may_start, **context()
        )

    def _settings(self, request: HttpRequest) -> HttpResponse:
        now = current_settings()
        told = told_by_features(now.values)
        locked = locked_by(now, told)
        form = SettingsForm(now.values, locked, request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                _say(request, change(form.wanted(), user=request.user, may_write=has_applied_a_batch()))
                return redirect(PAGE)
            except ChangeRefusedError as error:
                for name, fault in error.faults.items():
                    form.add_error(name, fault)
        if form.is_bound:
            messages.error(request, "Nothing was saved: see what is marked below.")
        connection, trouble = connection_now()
        recent = SettingChange.objects.select_related("changed_by")[:CHANGES_LISTED]
        return self.page(
            request,
            "portal/settings.html",
            title="Settings",
            groups=groups(form, now, locked, told),
            connection_form=_connection_form(sources(connection)),
            connection_trouble=trouble,
            connection_held=held_by_environment(connection),
            changes=[(each, words(each.before), words(each.after)) for each in recent],
        )

    def _reset(self, request: HttpRequest, name: str) -> HttpResponse:
        try:
            _say(request, reset(name, user=request.user))
        except ChangeRefusedError as error:
            messages.error(request, str(error))
        return redirect(PAGE)

    def _connect(self, request: HttpRequest) -> HttpResponse:
        held = held_by_environment(connection_now()[0])
        form = ConnectionForm(request.POST)
        if held:
            messages.error(request, held)
            return redirect(PAGE)
        if not form.is_valid():
            for errors in form.errors.values():
                messages.error(request, str(errors[0]))
            return redirect(PAGE)
        try:
            messages.success(request, connect(url=form.cleaned_data["url"], token=form.cleaned_data["token"]))
        except RemoteError as error:
            messages.error(request, f"Not connected, and the connection was left as it was: {error.message}")
            return redirect(PAGE)
        finally:
            cache.clear()  # the dashboard remembers for some seconds what Plex said
        # Whoever connects for the first time wants to know what comes next, which the dashboard says.
        return redirect(PAGE if Track.objects.exists() else "admin:index")


def _connection_form(parts: list[tuple[str, str, bool]]) -> ConnectionForm:
    form = ConnectionForm()
    for name, source, is_locked in parts:
        form.fields[name].disabled = is_locked
        variable = f"PLEX_{name.upper()}"
        held = f": SYNC_{variable} of the sync service ({variable} for `reclass up`)" if is_locked else ""
        form.fields[name].help_text = f"{source.capitalize()}{held}."
    return form


def _say(request: HttpRequest, changes: list[SettingChange]) -> None:
    if not changes:
        messages.info(request, "Nothing was changed.")
    for each in changes:
        label = each.name.replace("_", " ")
        text = f"{label}: {words(each.before)} → {words(each.after)}"
        messages.success(request, f"{text} (the default)" if each.to_default else text)
