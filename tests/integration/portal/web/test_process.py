"""What the web process reads once, when it starts: its address, whether faults are shown, who stands in front of it."""

import urllib.error
import urllib.request
from http.client import HTTPMessage
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from portal.preferences.changing import change
from postgres_server import PostgresServer
from processes import free_port
from settings_page import save, shown
from web_process import web_process

AT_THE_PROXY = {"X-Forwarded-Proto": "https"}


def url_of_database(postgres: PostgresServer) -> str:
    return postgres.url(str(connection.settings_dict["NAME"]))


def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, str, HTTPMessage]:
    request = urllib.request.Request(url, headers=headers or {})  # noqa: S310 # our own server
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


@pytest.mark.django_db(transaction=True)
def test_host_port_and_debug_take_effect_when_the_web_process_is_started_again(
    admin_client: Client, postgres: PostgresServer, tmp_path: Path
) -> None:
    host = "127.0.0.2"
    port = free_port(host)
    for name in ("web_host", "web_port", "debug"):
        assert f'name="{name}"' in shown(admin_client)
    save(admin_client, web_host=host, web_port=port, debug=True)
    allowed = {"PORTAL_ALLOWED_HOSTS": host}
    with web_process(url_of_database(postgres), tmp_path / "log", listens_on=(host, port), **allowed):
        status, text, _ = get(f"http://{host}:{port}/no-such-page/")
        assert status == 404
        assert "DEBUG = True" in text
    change({"debug": False})
    with web_process(url_of_database(postgres), tmp_path / "log", listens_on=(host, port), **allowed):
        status, text, _ = get(f"http://{host}:{port}/no-such-page/")
        assert status == 404
        assert "DEBUG" not in text


@pytest.mark.django_db(transaction=True)
def test_behind_a_proxy_that_ends_tls_forms_are_taken_and_cookies_are_sent_over_tls_alone(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    port = free_port()
    with web_process(
        url_of_database(postgres),
        tmp_path / "log",
        listens_on=("127.0.0.1", port),
        PORTAL_PORT=str(port),
        PORTAL_HTTPS_PROXY="true",
    ):
        url = f"http://127.0.0.1:{port}/admin/login/"
        _, _, headers = get(url, AT_THE_PROXY)
        cookie = str(headers["Set-Cookie"])
        assert "csrftoken=" in cookie
        assert "Secure" in cookie
        assert headers["Strict-Transport-Security"] == "max-age=3600"
        assert "Strict-Transport-Security" not in get(url)[2], "plain http promises nothing"
        assert submitted(url, cookie, AT_THE_PROXY) == 200
        assert submitted(url, cookie, {}) == 403, "a form that came over http is another site's"


def submitted(url: str, cookie: str, headers: dict[str, str]) -> int:
    """The status of a login with a wrong password, sent as a browser sends it from a page that it got by https."""
    token = cookie.split(";")[0]
    sent = {"Cookie": token, "Origin": url.replace("http", "https").removesuffix("/admin/login/"), **headers}
    form = f"username=a&password=b&csrfmiddlewaretoken={token.removeprefix('csrftoken=')}".encode()
    request = urllib.request.Request(url, data=form, headers=sent)  # noqa: S310 # our own server
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
