"""Who gets in: wrong passwords are throttled, behind a proxy too, and a lost one is replaced."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from portal.accounts.pause import FAILURES
from portal.configuration import networks
from postgres_server import PostgresServer
from structlog.testing import capture_logs
from typer.testing import CliRunner

LOGIN = "/admin/login/"
PASSWORD = "correct horse battery"
TOO_MANY = "Too many wrong passwords"


@pytest.fixture(autouse=True)
def _owner(db: None) -> None:
    User.objects.create_superuser("admin", password=PASSWORD)


def attempt(name: str, password: str, address: str = "192.0.2.1", **headers: str) -> HttpResponse:
    form = {"username": name, "password": password}
    return Client().post(LOGIN, form, REMOTE_ADDR=address, headers=headers)


def fail(times: int, name: str = "admin", **kept: str) -> HttpResponse:
    for _ in range(times):
        answer = attempt(name, "wrong", **kept)
    return answer


def test_after_wrong_passwords_the_right_one_waits_too_and_the_login_page_says_so() -> None:
    assert TOO_MANY not in fail(FAILURES - 1).content.decode()
    answer = fail(1)
    assert answer.status_code == 429
    assert TOO_MANY in answer.content.decode()
    assert int(answer.headers["Retry-After"]) == 900
    answer = attempt("admin", PASSWORD)
    assert answer.status_code == 429
    assert TOO_MANY in answer.content.decode()
    assert 'name="password"' in answer.content.decode(), "it is the login page"


def test_a_stranger_locks_no_owner_out_and_many_accounts_from_one_address_are_one() -> None:
    fail(FAILURES)
    assert attempt("admin", PASSWORD, "192.0.2.2").status_code == 302
    for number in range(FAILURES):
        attempt(f"user{number}", "wrong", "192.0.2.3")
    assert attempt("admin", PASSWORD, "192.0.2.3").status_code == 429


@pytest.mark.parametrize("name", ["x" * 5000, "é" * 151, "a\nb", "\N{MUSICAL NOTE}", "' OR 1=1 --"])
def test_whatever_stands_in_place_of_a_name_is_refused_with_the_login_page(name: str) -> None:
    answer = attempt(name, "wrong", **{"User-Agent": "x" * 5000, "Accept": "y" * 5000})
    assert answer.status_code == 200
    assert 'name="password"' in answer.content.decode()


def test_one_account_tried_from_everywhere_waits_in_the_end() -> None:
    for number in range(50):
        attempt("admin", "wrong", f"198.51.100.{number}")
    assert attempt("admin", PASSWORD, "192.0.2.2").status_code == 429


def test_an_ipv6_network_is_one_address() -> None:
    for number in range(FAILURES):
        attempt("admin", "wrong", f"2001:db8::{number + 1}")
    assert attempt("admin", PASSWORD, "2001:db8::ffff").status_code == 429
    assert attempt("admin", PASSWORD, "2001:db8:0:1::1").status_code == 302


def test_what_strangers_say_of_their_address_is_not_believed() -> None:
    for number in range(FAILURES):
        attempt("admin", "wrong", **{"X-Forwarded-For": f"203.0.113.{number}"})
    assert attempt("admin", PASSWORD, **{"X-Forwarded-For": "203.0.113.99"}).status_code == 429


def test_behind_a_trusted_proxy_the_browser_is_throttled_and_cannot_pretend_to_be_another(
    settings: Any,
) -> None:
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8, ::1")
    proxy = "10.1.2.3"
    for number in range(FAILURES):
        # The browser's own header stands first, and what the proxy saw last.
        attempt("admin", "wrong", proxy, **{"X-Forwarded-For": f"203.0.113.{number}, 192.0.2.7, 10.9.9.9"})
    assert attempt("admin", PASSWORD, proxy, **{"X-Forwarded-For": "192.0.2.7"}).status_code == 429
    assert attempt("admin", PASSWORD, proxy, **{"X-Forwarded-For": "192.0.2.8"}).status_code == 302


def test_each_login_leaves_a_line_in_the_log() -> None:
    with capture_logs() as lines:
        fail(FAILURES)
        attempt("admin", PASSWORD, "192.0.2.2")
    said = [(line["event"], line["account"], line["address"]) for line in lines]
    assert said.count(("a login failed", "admin", "192.0.2.1")) == FAILURES
    assert ("logins are paused after too many failures", "admin", "192.0.2.1") in said
    assert said[-1] == ("signed in", "admin", "192.0.2.2")


@pytest.mark.django_db(transaction=True)
def test_a_lost_password_is_replaced_by_a_command_that_also_ends_the_wait(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from portal.command_line import make_app

    monkeypatch.setenv("PORTAL_DATABASE_URL", postgres.url(str(connection.settings_dict["NAME"])))
    first = tmp_path / "admin-password"
    first.write_text(PASSWORD)
    monkeypatch.setenv("RECLASS_FIRST_PASSWORD_FILE", str(first))
    fail(FAILURES)
    before = Client()
    before.force_login(User.objects.get(username="admin"), "django.contrib.auth.backends.ModelBackend")
    done = CliRunner().invoke(make_app(["admin-password"]), ["admin-password"])
    assert done.exit_code == 0, done.output
    password = done.stdout.strip()
    assert len(password) >= 16
    assert attempt("admin", password).status_code == 302
    assert attempt("admin", PASSWORD).status_code == 200, "the old one is refused"
    assert before.get("/admin/").status_code == 302, "sessions of the old one have ended"
    assert not first.exists(), "it opens nothing any more, and `reclass up` would name it"
    nobody = CliRunner().invoke(make_app(["admin-password"]), ["admin-password", "--user", "nobody"])
    assert nobody.exit_code == 1
    assert "There is no user" in nobody.output


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("administrator", ("library/track/", "auth/user/", "preferences/changedsetting/"), ()),
        ("editor", ("library/track/", "genres/genre/add/"), ("auth/user/",)),
        ("reader", ("library/track/",), ("auth/user/", "genres/genre/add/")),
    ],
)
def test_a_user_that_was_added_can_sign_in_and_do_what_was_chosen(
    admin_client: Client, role: str, may: tuple[str, ...], may_not: tuple[str, ...]
) -> None:
    page = admin_client.get("/admin/auth/user/add/").content.decode()
    assert "May" in page
    assert "usable_password" not in page
    new = {"username": "kim", "password1": PASSWORD, "password2": PASSWORD, "role": role}
    assert admin_client.post("/admin/auth/user/add/", new).status_code == 302
    kim = Client()
    assert kim.post(LOGIN, {"username": "kim", "password": PASSWORD}).status_code == 302
    assert kim.get("/admin/").status_code == 200
    for page in may:
        assert kim.get(f"/admin/{page}").status_code == 200, page
    for page in may_not:
        assert kim.get(f"/admin/{page}").status_code == 403, page


@pytest.mark.usefixtures("genres")
@pytest.mark.parametrize("role", ["administrator", "editor", "reader"])
def test_nobody_is_offered_a_page_that_he_may_not_open(admin_client: Client, role: str) -> None:
    new = {"username": "kim", "password1": PASSWORD, "password2": PASSWORD, "role": role}
    admin_client.post("/admin/auth/user/add/", new)
    kim = Client()
    kim.post(LOGIN, {"username": "kim", "password": PASSWORD})
    pages = [kim.get(page).content.decode() for page in ("/admin/", "/admin/genres/genre/readiness/")]
    offered = {link for page in pages for link in re.findall(r'href="(/admin/[^"#]*)', page)}
    assert {"/admin/library/track/", "/admin/genres/genre/readiness/"} <= offered
    assert ("/admin/auth/user/" in offered) == (role == "administrator")
    assert [link for link in sorted(offered) if kim.get(link).status_code == 403] == []


def test_a_user_without_a_password_cannot_be_added(admin_client: Client) -> None:
    answer = admin_client.post("/admin/auth/user/add/", {"username": "kim", "role": "editor"})
    assert answer.status_code == 200
    assert not User.objects.filter(username="kim").exists()


def test_the_login_page_says_what_to_do_about_a_lost_password(client: Client) -> None:
    assert "reclass admin-password" in client.get(LOGIN).content.decode()
