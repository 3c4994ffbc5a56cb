"""What somebody who may only look, or nothing at all, can do by posting to every address: nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
import songs
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.urls import reverse
from portal.accounts.roles import Role, give
from portal.callers.models import CallerToken
from portal.genres.models import Genre
from portal.runs.models import Run
from portal.teaching.models import TaughtSet

pytestmark = [pytest.mark.misuse, pytest.mark.usefixtures("genres")]
ADMINS = list(admin.site._registry.values())
# What is kept of everybody who asks: who is signed in, and what they are to be told.
PASSING = {"sessions.session", "axes.accesslog", "axes.accessattempt"}
BUTTONS = (
    *(
        "save",
        "_save",
        "roll_back",
        "promote",
        "stop",
        "retire",
        "reset",
        "include",
        "exclude",
        "clear",
        "apply",
    ),
    *("classify", "again", "alias", "ignore", "heed", "connect", "delete", "post", "genre", "new_genre"),
)
OWN_PAGES = (
    *(
        f"/admin/runs/run/start/{kind}/"
        for kind in ("sync", "extract", "classify", "train", "train-as-is", "plan")
    ),
    *(
        f"/admin/{each.opts.app_label}/{each.opts.model_name}/{route}"
        for each in ADMINS
        for route, _, _ in getattr(each, "get_custom_urls", tuple)()
        if "<" not in route
    ),
)


def person(name: str, role: Role | None) -> Client:
    user = User.objects.create_user(name, password="pw", is_staff=True)
    if role:
        give(user, role)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def everything() -> dict[str, list[Any]]:
    """All rows of all tables, but for those that change by asking."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.label_lower not in PASSING and not isinstance(
            model._meta.pk, models.CompositePrimaryKey
        ):
            # Signing in is noted.
            names = [each.attname for each in model._meta.concrete_fields if each.name != "last_login"]
            found[model._meta.label_lower] = sorted(map(str, model._default_manager.values_list(*names)))
    return found


def a_bit_of_all() -> None:
    tracks = songs.make_classified_songs(3)
    batch = songs.make_batch(tracks)
    songs.make_batch(tracks, state="applied")
    Run.objects.create(kind=Run.Kind.PLAN, state=Run.State.DONE, batch=batch)
    TaughtSet.objects.create(genre=Genre.objects.first(), source="folder", title="/music")
    CallerToken.objects.create(name="radio", fingerprint="0" * 64, made_by="admin")


def posts() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every list's actions, and every button of every page of an object."""
    request = type(
        "Request", (), {"user": User(is_superuser=True, is_active=True, is_staff=True), "GET": {}}
    )()
    for each in ADMINS:
        names = each.opts.app_label, each.opts.model_name
        listed = reverse("admin:{}_{}_changelist".format(*names))
        keys = [str(key) for key in each.model._default_manager.values_list("pk", flat=True)[:1]] or ["1"]
        for name in {*each.get_actions(request), "delete_selected"}:
            yield (
                listed,
                {"action": name, "_selected_action": keys, "post": "yes", "asked": "", "percent": "1"},
            )
        pages = [
            listed,
            f"{listed}add/",
            *(f"{listed}{keys[0]}/{page}/" for page in ("change", "delete", "password")),
        ]
        for page in pages:
            for button in BUTTONS:
                yield (
                    page,
                    {button: "1", "sure": "", "tag": "x", "name": "y", "username": "z", "url": "http://h"},
                )
    for page in OWN_PAGES:
        yield page, {"tag": "x", "genre": "1", "new_genre": "1"}


@pytest.mark.parametrize("role", [Role.READER, None])
def test_nothing_that_is_posted_by_who_may_not_changes_anything(role: Role | None) -> None:
    a_bit_of_all()
    client = person("reader", role)
    before = everything()
    for page, form in posts():
        answer = client.post(page, form)
        assert answer.status_code < 500, (page, form)
    assert everything() == before


def test_who_has_no_right_sees_no_page_of_any_model() -> None:
    a_bit_of_all()
    client = person("nobody", None)
    for each in ADMINS:
        listed = reverse(f"admin:{each.opts.app_label}_{each.opts.model_name}_changelist")
        for page in (
            listed,
            f"{listed}1/change/",
            f"{listed}1/delete/",
            f"{listed}1/history/",
            f"{listed}add/",
        ):
            assert client.get(page).status_code in (302, 403, 404), page
    for page in OWN_PAGES:
        assert client.get(page).status_code in (403, 404), page
