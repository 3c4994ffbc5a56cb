"""The web process while people play songs: who goes away, who takes nothing, and how many there may be."""

import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import songs
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from plex_stand_in import MUSIC
from portal.library.models import Track
from portal.pages.songs.audio import PATH, STREAMS
from portal.web.server import Lanes, LongAnswers, Server
from postgres_server import PostgresServer
from processes import free_port
from waiting import until
from waitress import wasyncore
from waitress.adjustments import Adjustments
from web_process import KEY, web_process

LONG_BYTES = 64 * 1024 * 1024
"""More than sockets and gRPC hold on the way."""
PAGE = "/admin/genres/genre/"


@dataclass(kw_only=True)
class Playing:
    """A web process with two threads for pages, and a long song."""

    plex: Any
    process: subprocess.Popen[bytes]
    port: int
    song: Track
    cookie: str

    def ask(self, path: str, **headers: str) -> socket.socket:
        """A request whose answer nobody has read yet."""
        begun = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        begun.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {self.cookie}\r\n{said}\r\n".encode()
        )
        return begun

    def play(self, asked: str = "bytes=0-", **headers: str) -> socket.socket:
        return self.ask(f"/admin/library/track/{self.song.pk}/audio", Range=asked, **headers)

    def status_of_sound(self) -> int:
        with self.play() as answer:
            return status(answer)

    def states(self) -> list[str]:
        """What became of the requests for sound at Plex; one byte says how long the file is."""
        files = (each for each in self.plex.requests() if each["path"].startswith("/library/parts/"))
        return [each.get("state", "answering") for each in files if each["range"] != "bytes=0-0"]


@pytest.fixture
def cookie(client: Client, admin_user: User, settings: Any) -> str:
    """Of an administrator who has signed in to a process with the key of such processes."""
    settings.SECRET_KEY = KEY["PORTAL_SECRET_KEY"]
    client.force_login(admin_user)
    return f"sessionid={client.cookies['sessionid'].value}"


@pytest.fixture
def playing(portal: Any, cookie: str, postgres: PostgresServer, tmp_path: Path) -> Iterator[Playing]:
    file = tmp_path / "long.flac"
    with file.open("wb") as long:
        long.truncate(LONG_BYTES)
    track = {"rating_key": 8001, "title": "Long", "artist": "A", "file": str(file)}
    portal.plex.ask("POST", "tracks", {"library_key": int(MUSIC), "tracks": [track]})
    song = songs.make_song(songs.make_library(), 8001, title="Long", artist="A", file=str(file))
    port = free_port()
    with web_process(
        postgres.url(str(connection.settings_dict["NAME"])),
        tmp_path / "log",
        listens_on=("127.0.0.1", port),
        PORTAL_PORT=str(port),
        PORTAL_WEB_THREADS="2",
        PORTAL_SYNC_TARGET=portal.target,
    ) as process:
        yield Playing(plex=portal.plex, process=process, port=port, song=song, cookie=cookie)


def status(answer: socket.socket) -> int:
    return int(answer.recv(12).split()[1])


def received(answer: socket.socket, count: int) -> int:
    """So many bytes, or those until the end."""
    taken = 0
    while taken < count and (more := answer.recv(min(2**16, count - taken))):
        taken += len(more)
    return taken


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=1000-"])
def test_who_goes_away_in_the_middle_ends_it_at_plex(playing: Playing, asked: str) -> None:
    with playing.play(asked) as answer:
        assert received(answer, 300_000) == 300_000
        assert playing.states()[-1] == "answering"
    until(lambda: playing.states()[-1] == "broken off", seconds=10)


def test_who_takes_nothing_holds_up_neither_pages_nor_memory_and_only_so_many_play_at_once(
    playing: Playing,
) -> None:
    with ExitStack() as held:
        assert status(held.enter_context(playing.ask(PAGE))) == 200
        # What the first song of a process takes once and for all.
        assert received(held.enter_context(playing.play("bytes=-1", Connection="close")), 2**16) > 1
        memory = psutil.Process(playing.process.pid)
        before = memory.memory_info().rss
        answers = [held.enter_context(playing.play()) for _ in range(20)]
        statuses = sorted(map(status, answers))
        assert statuses == [206] * STREAMS + [503] * (20 - STREAMS)
        for _ in range(4):
            began = time.monotonic()
            assert status(held.enter_context(playing.ask(PAGE))) == 200
            assert time.monotonic() - began < 5
        grown = memory.memory_info().rss - before
        assert grown < STREAMS * LONG_BYTES / 6, "whole songs are held"
        refused = held.enter_context(playing.play())
        assert b"Retry-After: " in refused.recv(4096)
    until(lambda: playing.states().count("broken off") == STREAMS)
    until(lambda: playing.status_of_sound() == 206, seconds=10)


def test_a_song_that_is_taken_slowly_comes_whole(playing: Playing) -> None:
    first = LONG_BYTES - 200_000
    with playing.play(f"bytes={first}-") as answer:
        answer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head, _, begun = answer.recv(2**16).partition(b"\r\n\r\n")
        assert f"Content-Range: bytes {first}-{LONG_BYTES - 1}/{LONG_BYTES}".encode() in head
        assert len(begun) + received(answer, 200_000 - len(begun)) == 200_000
    assert playing.states() == ["answered"]


def test_a_song_that_is_played_does_not_delay_the_end_of_the_process(playing: Playing) -> None:
    with playing.play() as answer:
        assert received(answer, 300_000) == 300_000
        began = time.monotonic()
        playing.process.send_signal(signal.SIGTERM)
        playing.process.wait(timeout=20)
        assert time.monotonic() - began < 5


def test_no_more_of_a_song_is_made_than_its_browser_takes() -> None:
    """All of a page waits for its browser, up to 16 MiB; of a song little does."""
    options = Adjustments(listen="127.0.0.1:0", asyncore_use_poll=True)
    sockets: dict[int, Any] = {}
    made: dict[str, int] = Counter()

    def long(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", str(LONG_BYTES))])
        for _ in range(LONG_BYTES // 2**16):
            made[environ["PATH_INFO"]] += 2**16
            yield bytes(2**16)

    answers = LongAnswers(path=PATH, threads=1)
    lanes = Lanes(1, answers)
    server = Server(long, map=sockets, dispatcher=lanes, adj=options, sockinfo=options.listen[0])
    server.long_answers = answers
    song, page = "/admin/library/track/1/audio", "/admin/"
    look = partial(wasyncore.loop, timeout=0.01, map=sockets, use_poll=True, count=1)
    with ExitStack() as held:
        for path in (song, page):
            begun = held.enter_context(socket.create_connection(("127.0.0.1", server.effective_port)))
            begun.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        # What sockets hold is the same for both.
        until(lambda: look() or made[page] - made[song] > 12 * 2**20)
    server.close()


def test_the_server_knows_the_address_of_sound() -> None:
    assert PATH.fullmatch(reverse("admin:library_track_audio", args=(12,)))
    assert not PATH.fullmatch(reverse("admin:library_track_change", args=(12,)))
