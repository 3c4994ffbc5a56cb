"""What a person gets when the database is gone, or the portal has a fault."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from postgres_server import PostgresServer
from processes import free_port
from web_process import web_process


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 # our own server
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@contextmanager
def running_web(database_url: str, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The web process on a free port that the environment names."""
    port = free_port()
    listens_on = ("127.0.0.1", port)
    with web_process(database_url, log, listens_on=listens_on, PORTAL_PORT=str(port)) as process:
        yield process, f"http://127.0.0.1:{port}"


def test_without_its_database_every_page_is_a_plain_503_that_says_so(tmp_path: Path) -> None:
    nobody_listens = f"postgresql://nobody@127.0.0.1:{free_port()}/reclass"
    with running_web(nobody_listens, tmp_path / "log") as (_, url):
        status, text = fetch(f"{url}/healthz")
        assert status == 503
        assert "The database does not answer" in text
        assert "Traceback" not in text
        # The admin asks the database only once there is a session to look up.
        cookie = {"Cookie": "sessionid=abcdefgh"}
        request = urllib.request.Request(f"{url}/admin/", headers=cookie)  # noqa: S310 # our own server
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)  # noqa: S310 # our own server
        assert refused.value.code == 503
        assert refused.value.headers["Retry-After"]
        assert "PORTAL_DATABASE_URL" in refused.value.read().decode()
        refused.value.close()


@pytest.mark.django_db(transaction=True)
def test_the_web_process_serves_pages_and_styles_logs_json_and_ends_with_0_at_sigterm(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    from django.db import connection

    log = tmp_path / "log"
    with running_web(postgres.url(str(connection.settings_dict["NAME"])), log) as (process, url):
        assert fetch(f"{url}/healthz") == (200, "ok\n")
        status, text = fetch(f"{url}/admin/login/")
        assert status == 200
        assert "portal/portal.css" in text
        assert fetch(f"{url}/static/portal/portal.css")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["service"] for line in lines} == {"portal-web"}
    assert not [line for line in lines if line["level"] == "error"]


def test_the_web_process_refuses_to_start_without_a_secret_key() -> None:
    variables = {**os.environ, "PORTAL_SECRET_KEY": ""}
    ended = subprocess.run(
        [sys.executable, "-m", "portal", "web"], env=variables, capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert b"PORTAL_SECRET_KEY is not set" in ended.stderr


def test_a_fault_of_the_portal_is_a_plain_500_without_details(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib.auth.views import LoginView

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(LoginView, "dispatch", broken)
    client.raise_request_exception = False
    answer = client.get(reverse("admin:login"))
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.content.decode()
    assert "secret detail" not in answer.content.decode()


def test_every_page_has_a_request_id_and_takes_over_a_harmless_one(client: Client) -> None:
    address = "/admin/does-not-exist/"
    assert len(client.get(address).headers["X-Request-ID"]) == 32
    assert client.get(address, headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    assert "\n" not in client.get(address, headers={"X-Request-ID": "a b\n"}).headers["X-Request-ID"]
