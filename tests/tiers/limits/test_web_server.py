"""The web process before browsers that are slow, strangers that are worse, and pages that do not end."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from django.db import connection
from django.test import Client
from portal.web import server as web_server
from postgres_server import PostgresServer
from processes import free_port
from waiting import until
from waitress.adjustments import Adjustments
from web_process import web_process

pytestmark = pytest.mark.django_db(transaction=True)

HALF_A_HEAD = b"GET /admin/login/ HTTP/1.1\r\nHost: localhost\r\nX-Slow:"
NO_BODY = (
    b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 2000000\r\n\r\n"
)
HEALTH = ("/livez", "/healthz")
SECONDS = 5
"""An answer within it is no freeze, on a machine that does much else."""


@contextmanager
def serving(postgres: PostgresServer, log: Path, **environment: str) -> Iterator[tuple[int, int]]:
    """Port and process id of a web process with two threads for pages."""
    port = free_port()
    with web_process(
        postgres.url(str(connection.settings_dict["NAME"])),
        log,
        listens_on=("127.0.0.1", port),
        PORTAL_PORT=str(port),
        PORTAL_WEB_THREADS="2",
        **environment,
    ) as process:
        yield port, process.pid


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the process that the tests share has said."""
    return tmp_path_factory.mktemp("web") / "log"


@pytest.fixture(scope="module")
def port(postgres: PostgresServer, django_db_setup: None, log: Path) -> Iterator[int]:
    """Of one process for all tests: each leaves it as able to answer as it was."""
    with serving(postgres, log) as (port, _):
        yield port


@pytest.fixture(scope="module")
def hasty(
    postgres: PostgresServer, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """Port of one that gives a request a second."""
    log = tmp_path_factory.mktemp("hasty") / "log"
    with serving(postgres, log, PORTAL_REQUEST_SECONDS="1") as (port, _):
        yield port


def status(port: int, path: str, headers: dict[str, str] | None = None) -> int:
    asked = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        asked.request("GET", path, headers=headers or {})
        return asked.getresponse().status
    finally:
        asked.close()


def opened(port: int, first_bytes: bytes) -> socket.socket:
    begun = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
    begun.sendall(first_bytes)
    return begun


@pytest.mark.parametrize("count", [10, 500])
@pytest.mark.parametrize("first_bytes", [HALF_A_HEAD, NO_BODY], ids=["heads", "bodies"])
def test_requests_that_never_end_freeze_neither_pages_nor_health(
    port: int, count: int, first_bytes: bytes
) -> None:
    with ExitStack() as held:
        for _ in range(count):
            held.enter_context(opened(port, first_bytes))
        for path in (*HEALTH, "/admin/login/", "/static/portal/portal.css"):
            assert status(port, path) == 200, path


@pytest.mark.parametrize("first_bytes", [HALF_A_HEAD, NO_BODY], ids=["head", "body"])
def test_a_request_that_drips_is_cut_off(hasty: int, first_bytes: bytes) -> None:
    with opened(hasty, first_bytes) as begun:
        begun.settimeout(0.2)
        deadline = time.monotonic() + 15
        while True:
            assert time.monotonic() < deadline, "it is still open"
            try:
                begun.sendall(b"a")
                if begun.recv(100) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break


def test_answers_that_nobody_reads_freeze_no_page(port: int) -> None:
    """Many requests on one connection: their answers are more than is kept for it, and each wants a thread."""
    many = b"GET /static/unfold/css/styles.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 110
    with ExitStack() as held:
        unread = [held.enter_context(opened(port, many)) for _ in range(4)]
        for _ in range(3):
            for path in ("/admin/login/", "/static/portal/portal.css", *HEALTH):
                assert status(port, path) == 200, path
        # Who reads after all gets every one of them.
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 110:
            answers += unread[0].recv(2**20)


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "IDLE_SECONDS", 1)
    options = Adjustments(listen="127.0.0.1:0", cleanup_interval=0, asyncore_use_poll=True)
    sockets: dict[int, Any] = {}

    def large(_: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", str(2**25))])
        return [bytes(2**20)] * 2**5

    server = web_server.Server(
        large, map=sockets, dispatcher=web_server.Lanes(1), adj=options, sockinfo=options.listen[0]
    )
    with opened(server.effective_port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2):
        looked = partial(web_server.wasyncore.loop, timeout=0.1, map=sockets, use_poll=True, count=1)
        until(lambda: looked() or server.active_channels)
        until(lambda: looked() or not server.active_channels)
    server.close()


def test_a_request_that_cannot_be_understood_is_told_so(port: int, log: Path) -> None:
    good = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    heads = (
        b"GET /\xff HTTP/1.1\r\nHost: localhost",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \x00",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: \xff\x7f",
        b"GET / HTTP/1.1\r\nHost : localhost",
        b"nonsense",
    )
    for head, before in product(heads, (b"", good)):
        with opened(port, before + head + b"\r\n\r\n") as begun:
            answer = b""
            while more := begun.recv(4096):
                answer += more
        assert b" 400 Bad Request" in answer, head
        assert answer.startswith(b"HTTP/1.1 200" if before else b"HTTP/1.")
    assert "uncaptured" not in log.read_text()


def test_health_answers_while_every_page_thread_is_stuck(
    postgres: PostgresServer, port: int, admin_client: Client
) -> None:
    url = postgres.url(str(connection.settings_dict["NAME"]))
    cookie = f"sessionid={admin_client.cookies['sessionid'].value}"
    page = f"GET /admin/ HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode()
    with (
        psycopg.connect(url) as other,
        psycopg.connect(url, autocommit=True) as watching,
        ExitStack() as held,
    ):
        other.execute("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE")
        waiting = [held.enter_context(opened(port, page)) for _ in range(4)]
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        until(lambda: watching.execute(query).fetchone() == (2,))
        for path in HEALTH * 3:
            assert status(port, path) == 200, path
        other.rollback()
        for each in waiting:
            assert each.recv(12) == b"HTTP/1.1 302"


def test_livez_needs_no_database(tmp_path: Path) -> None:
    port = free_port()
    nobody_listens = f"postgresql://nobody@127.0.0.1:{free_port()}/reclass"
    with web_process(nobody_listens, tmp_path / "log", listens_on=("127.0.0.1", port), PORTAL_PORT=str(port)):
        assert status(port, "/livez") == 200
        assert status(port, "/healthz") == 503


def test_strangers_bodies_fill_no_memory(postgres: PostgresServer, tmp_path: Path) -> None:
    with serving(postgres, tmp_path / "log") as (port, pid), ExitStack() as held:
        status(port, "/admin/login/")
        process = psutil.Process(pid)
        before = process.memory_info().rss
        begun = [held.enter_context(opened(port, NO_BODY)) for _ in range(150)]
        for each in begun:
            each.setblocking(False)
        taken, stalls = 0, 0
        while stalls < 20:
            sent = sum(_sent(each) for each in begun)
            taken += sent
            stalls = 0 if sent else stalls + 1
            if not sent:
                assert status(port, "/livez") == 200
        grown = process.memory_info().rss - before
        assert grown < 128 * 2**20, f"it took {taken / 2**20:.0f} MiB and grew by {grown / 2**20:.0f} MiB"
        assert status(port, "/admin/login/") == 200


def _sent(begun: socket.socket) -> int:
    try:
        return begun.send(b"a" * 65536)
    except OSError:
        return 0


def test_a_body_that_no_form_of_ours_has_is_refused_before_it_is_sent(
    port: int,
) -> None:
    with opened(port, NO_BODY.replace(b"2000000", b"900000000")) as begun:
        assert b" 413 " in begun.recv(30)
