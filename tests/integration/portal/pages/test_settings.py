"""The settings page: what it shows, what it takes, and who may use it."""

import html
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from plex_stand_in import TOKEN
from portal.ledger.models import WriteBatch
from portal.preferences.current import preferences
from portal.preferences.models import ChangedSetting, SettingChange
from portal.preferences.values import DEFAULTS, Preferences
from runtime.testing import running_server
from settings_page import PAGE, fields, save, shown
from songs import THEN
from sync.connection import Connection, Parts
from sync.library import PlexMusic
from sync.plex import Plex, Timeouts
from sync.servicer import SERVICE_NAME, SyncServicer

pytestmark = pytest.mark.usefixtures("genres")


def test_every_setting_is_there_with_its_help_default_range_and_effect(admin_client: Client) -> None:
    page = shown(admin_client)
    for name in Preferences.model_fields:
        (part,) = re.findall(rf'<div class="rc-stage" id="setting-{name}">(.*?)</label>', page, re.DOTALL)
        assert f'name="{name}"' in part
        assert "Default: " in part
        assert "allowed: " in part
        assert "takes effect " in part
    assert 'href="/admin/preferences/changedsetting/"' in page  # in the menu


def test_saving_says_what_was_changed_and_keeps_who_did_it(admin_client: Client, admin_user: User) -> None:
    page = save(
        admin_client, write_confidence="0.9", plex_libraries="Music, old\nJazz", sync_automatically=False
    )
    assert "write confidence: 0.7 → 0.9" in page
    assert "plex libraries: none → Music, old, Jazz" in page
    assert "sync automatically: on → off" in page
    now = preferences()
    assert (now.write_confidence, now.plex_libraries) == (0.9, ("Music, old", "Jazz"))
    assert not now.sync_automatically
    assert {each.changed_by for each in SettingChange.objects.all()} == {admin_user}
    assert "Nothing was changed." in save(admin_client)


def test_a_value_that_makes_no_sense_is_marked_and_nothing_is_saved(admin_client: Client) -> None:
    page = save(admin_client, stages="17", predictions="3")
    assert "stages cannot be '17'" in page
    assert "Allowed: 1 to 9" in page
    assert "Nothing was saved" in page
    assert preferences() == DEFAULTS


def test_one_person_does_not_undo_what_another_saved_meanwhile(admin_client: Client) -> None:
    open_page = fields(admin_client)
    save(admin_client, stages="2")
    admin_client.post(PAGE, {**open_page, "predictions": "3"})
    assert (preferences().stages, preferences().predictions) == (2, 3)


def test_a_setting_goes_back_to_its_default_by_a_button(admin_client: Client) -> None:
    save(admin_client, stages="2")
    assert 'name="reset" value="stages"' in shown(admin_client)
    admin_client.post(PAGE, {"reset": "stages"})
    assert preferences() == DEFAULTS
    assert 'name="reset"' not in shown(admin_client)


def test_a_locked_setting_is_shown_disabled_with_its_variable_and_not_taken(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_STAGES", "2")
    page = shown(admin_client)
    assert "Locked: PORTAL_STAGES in the environment holds it." in page
    assert re.search(r'<input[^>]*name="stages"[^>]*disabled', page)
    save(admin_client, stages="1")
    assert preferences().stages == 2
    assert not ChangedSetting.objects.exists()
    refused = html.unescape(admin_client.post(PAGE, {"reset": "stages"}, follow=True).content.decode())
    assert "PORTAL_STAGES in the portal's environment sets it" in refused


def test_nonsense_in_the_database_is_shown_and_can_be_saved_over(admin_client: Client) -> None:
    ChangedSetting.objects.create(name="stages", value="many")
    assert "The database has stages = 'many'" in shown(admin_client)
    admin_client.post(PAGE, {"reset": "stages"})
    assert "The database has" not in shown(admin_client)


def test_automatic_writing_waits_until_a_batch_was_applied(admin_client: Client) -> None:
    assert "no write batch has been applied" in save(admin_client, write_automatically=True)
    assert not preferences().write_automatically
    WriteBatch.objects.create(min_confidence=0.7, state=WriteBatch.State.APPLIED, applied_time=THEN)
    assert "write automatically: off → on" in save(admin_client, write_automatically=True)


def test_only_who_may_change_settings_changes_them(client: Client) -> None:
    user = User.objects.create_user("looker", is_staff=True)
    client.force_login(user)
    assert client.get(PAGE).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_changedsetting"))
    page = shown(client)
    assert 'name="connect"' not in page
    for sent in (
        {"save": "", "stages": "2", "initial-stages": "9"},
        {"reset": "stages"},
        {"connect": "", "token": "t"},
    ):
        assert client.post(PAGE, sent).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="change_changedsetting"))
    assert "stages: 9 → 2" in save(client, stages="2")


@pytest.fixture
def sync_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A sync service that nobody has told of a Plex server."""
    connection = Connection(Parts(), tmp_path / "sync")
    music = PlexMusic(Plex(connection.address, Timeouts(connect_seconds=1, read_seconds=2)))
    with running_server({SERVICE_NAME: SyncServicer(music, connection).register}) as server:
        monkeypatch.setattr(settings.RECLASS, "sync_target", f"127.0.0.1:{server.port}")
        yield tmp_path / "sync"
    music.close()


def connect(client: Client, **sent: str) -> str:
    answer = client.post(PAGE, {"connect": "", **sent}, follow=True)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_plex_is_connected_from_the_page_and_the_token_is_nowhere_but_with_sync(
    admin_client: Client, sync_folder: Path, portal_stand_in: Any, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    # Django tells at this level of every optional variable of a template, with the whole context.
    caplog.set_level(logging.INFO, logger="django.template")
    assert "Not set." in shown(admin_client)
    page = connect(admin_client, url=portal_stand_in.stand_in.url, token=TOKEN)
    assert "answers and accepts the token" in page
    assert "Set here." in shown(admin_client)
    assert TOKEN in (sync_folder / "connection.json").read_text()
    assert TOKEN not in page + shown(admin_client) + caplog.text + "".join(capfd.readouterr())
    assert TOKEN not in database_dump()


def database_dump() -> str:
    from django.apps import apps

    kept = [model for model in apps.get_models() if model._meta.managed]
    rows = [repr(row) for model in kept for row in model._default_manager.values()]
    assert rows
    return "".join(rows)


def test_a_failed_connect_keeps_the_connection_that_works_and_shows_no_token(
    admin_client: Client, sync_folder: Path, portal_stand_in: Any
) -> None:
    url = portal_stand_in.stand_in.url
    connect(admin_client, url=url, token=TOKEN)
    for sent in (
        {"url": url, "token": "a-wrong-token"},
        {"token": "a-wrong-token"},
        {"url": "http://127.0.0.1:9", "token": TOKEN},
    ):
        page = connect(admin_client, **sent)
        assert "Not connected, and the connection was left as it was: " in page
        assert TOKEN in (sync_folder / "connection.json").read_text()
        assert url in (sync_folder / "connection.json").read_text()
        assert "a-wrong-token" not in page
    assert "goes to no other" in connect(admin_client, url="http://127.0.0.1:9")
    page = connect(admin_client, token="two-words of-a-token")
    assert "one word" in page
    assert "of-a-token" not in page
    assert "Fill in the address, the token, or both" in connect(admin_client)
    assert "Plex” (version " in connect(admin_client, token=TOKEN)


@pytest.mark.parametrize("token", [None, "t"])
def test_a_connection_that_the_environment_holds_is_shown_locked_and_pressing_connect_says_so(
    admin_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    connection = Connection(Parts(url="http://127.0.0.1:9", token=token), tmp_path)
    music = PlexMusic(Plex(connection.address))
    with running_server({SERVICE_NAME: SyncServicer(music, connection).register}) as server:
        monkeypatch.setattr(settings.RECLASS, "sync_target", f"127.0.0.1:{server.port}")
        page = shown(admin_client)
        held = "SYNC_PLEX_URL of the sync service (PLEX_URL for the system on one machine)"
        assert f"Set by the environment: {held}." in page
        for name in ("url", "token"):
            assert re.search(rf'<input[^>]*name="{name}"[^>]*disabled', page)
        says = "both set by the environment" if token else "sets SYNC_PLEX_URL and not SYNC_PLEX_TOKEN"
        assert says in page
        assert 'name="connect"' not in page
        # A page that was open before, with both fields locked, sends neither.
        for sent in ({}, {"url": "http://127.0.0.1:10", "token": "t"}):
            assert says in connect(admin_client, **sent)
    music.close()


def test_without_the_sync_service_the_page_is_there_and_says_so(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings.RECLASS, "sync_target", "127.0.0.1:1")
    assert "The sync service" in shown(admin_client)
    assert "stages: 9 → 2" in save(admin_client, stages="2")
