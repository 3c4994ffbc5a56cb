"""The person of the demo before a portal that does not let him in, or does not answer."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from standalone.demo.judge import JudgeFailedError, judge_songs
from standalone.demo_library import DemoLibrary

LOGIN = b"""<form><input type="hidden" name="csrfmiddlewaretoken" value="t"><input name="username">
<input type="password" name="password"></form>"""
NO_SONGS = DemoLibrary(folder=Path(), seed=1, songs=())


class Login(BaseHTTPRequestHandler):
    """Asks for the password, whatever was sent."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(LOGIN)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Login) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_a_password_that_is_not_taken_is_said(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_ADMIN_PASSWORD", "another")
    with pytest.raises(JudgeFailedError, match="could not sign in"):
        judge_songs(address, tmp_path / "there-is-none", NO_SONGS)


def test_a_portal_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    with pytest.raises(JudgeFailedError, match="did not answer"):
        judge_songs("http://127.0.0.1:9/", tmp_path / "password", NO_SONGS)
