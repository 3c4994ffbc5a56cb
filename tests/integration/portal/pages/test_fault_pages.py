"""Pages that say why another cannot be shown, and name the setting where it is one."""

from typing import Any

import pytest
from accessibility import grave_faults
from browser import open_page
from django.contrib.auth.models import User
from django.test import Client

LOGIN = "/admin/login/"
FORM = {"username": "admin", "password": "pw"}


def strict(**settings: Any) -> Client:
    """A browser whose forms are looked at as a real one's are."""
    return Client(enforce_csrf_checks=True, **settings)


def submitted(client: Client, **headers: str) -> Any:
    page = client.get(LOGIN, headers={name: value for name, value in headers.items() if name != "Origin"})
    token = page.cookies["csrftoken"].value if "csrftoken" in page.cookies else ""
    return client.post(LOGIN, {**FORM, "csrfmiddlewaretoken": token}, headers=headers)


def test_a_page_that_is_not_there_says_so_and_leads_on(admin_client: Client) -> None:
    answer = admin_client.get("/admin/no-such-page/")
    assert answer.status_code == 404
    text = answer.content.decode()
    assert "There is no such page" in text
    assert 'href="/admin/"' in text
    assert "portal/portal.css" in text


@pytest.mark.django_db
def test_who_may_not_is_told_what_right_is_missing_and_who_gives_it() -> None:
    kim = User.objects.create_user("kim", password="pw", is_staff=True)
    client = Client()
    client.force_login(kim, "django.contrib.auth.backends.ModelBackend")
    answer = client.get("/admin/auth/user/")
    assert answer.status_code == 403
    text = answer.content.decode()
    assert "You may not do this" in text
    assert "“kim”" in text
    assert "An administrator can allow it, under Users" in text


def test_a_name_that_is_not_allowed_names_itself_and_the_setting(client: Client) -> None:
    answer = client.get(LOGIN, headers={"Host": "music.example.org"})
    assert answer.status_code == 400
    text = answer.content.decode()
    assert "music.example.org" in text
    assert "PORTAL_ALLOWED_HOSTS" in text
    assert "<b>" not in client.get(LOGIN, headers={"Host": "<b>"}).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("origin", ["https://music.example.org", "http://localhost:8443"])
def test_behind_a_proxy_that_changes_name_or_port_the_page_names_the_setting(origin: str) -> None:
    answer = submitted(strict(), Host="localhost", Origin=origin)
    assert answer.status_code == 403
    text = answer.content.decode()
    assert "The form was not accepted" in text
    assert f"PORTAL_TRUSTED_ORIGINS={origin}" in text
    assert ("PORTAL_HTTPS_PROXY=true" in text) == origin.startswith("https")


@pytest.mark.django_db
def test_with_that_setting_the_login_works(settings: Any) -> None:
    User.objects.create_superuser("admin", password="pw")
    settings.CSRF_TRUSTED_ORIGINS = ["https://music.example.org"]
    assert submitted(strict(), Host="localhost", Origin="https://music.example.org").status_code == 302


@pytest.mark.django_db
def test_a_trusted_proxy_that_says_the_name_and_scheme_needs_no_setting(settings: Any) -> None:
    from portal.configuration import networks

    User.objects.create_superuser("admin", password="pw")
    settings.TRUSTED_PROXIES = networks("127.0.0.1")
    settings.USE_X_FORWARDED_HOST = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.ALLOWED_HOSTS = ["localhost", "music.example.org"]
    said = {"X-Forwarded-Host": "music.example.org:8443", "X-Forwarded-Proto": "https"}
    origin = "https://music.example.org:8443"
    assert submitted(strict(), Host="localhost", Origin=origin, **said).status_code == 302
    settings.TRUSTED_PROXIES = networks("10.0.0.1")
    assert submitted(strict(), Host="localhost", Origin=origin, **said).status_code == 403, (
        "a stranger said it"
    )


@pytest.mark.django_db
def test_a_form_without_its_cookie_and_an_old_one_say_what_to_do() -> None:
    assert "Allow cookies" in strict().post(LOGIN, FORM).content.decode()
    client = strict()
    client.get(LOGIN)
    old = client.post(LOGIN, {**FORM, "csrfmiddlewaretoken": "a" * 64})
    assert old.status_code == 403
    assert "Go back, load the page anew" in old.content.decode()


@pytest.mark.django_db(transaction=True)
def test_in_a_browser_such_a_page_is_plain_and_has_no_grave_fault(
    live_server: Any, admin_client: Client
) -> None:
    with open_page() as page:
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text) if "Policy" in message.text else None)
        session = {
            "name": "sessionid",
            "value": admin_client.cookies["sessionid"].value,
            "url": live_server.url,
        }
        page.context.add_cookies([session])  # type: ignore[list-item]
        page.goto(f"{live_server.url}/admin/no-such-page/")
        assert page.get_by_role("link", name="To the dashboard").is_visible()
        assert grave_faults(page) == []
        assert said == []
