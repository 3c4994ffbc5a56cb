"""The person of the demo: signs in, opens the page Judge songs, and says of each song what the maker knows of it."""

import os
import urllib.request
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPException
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

from standalone.demo_library import DemoLibrary
from standalone.errors import StandaloneError

MOST_SONGS = 30
"""Judgements that give a first interval."""
JUDGE = "admin/library/track/judge/"
LOGIN = "admin/login/"
ADMINISTRATOR = "admin"
"""Whom a new system begins with."""
TOKEN = "csrfmiddlewaretoken"  # noqa: S105 # the name of a field
TIMEOUT_SECONDS = 60


class JudgeFailedError(StandaloneError):
    """A page did not answer as it does to a person."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the person said."""

    songs: int
    wrong_tags: int
    """Those of them whose tag is wrong."""

    def __str__(self) -> str:
        right = self.songs - self.wrong_tags
        return (
            f"judged {self.songs} songs, as a person would: {right} tags are right, {self.wrong_tags} wrong"
        )


def judge_songs(address: str, password_file: Path, library: DemoLibrary, *, most: int = MOST_SONGS) -> Judged:
    """Judge up to `most` songs of the queue, by the truth about them. Raises JudgeFailedError."""
    person = _Person(address)
    try:
        person.sign_in(_password(password_file))
        return _judge(person, library, most)
    except (OSError, HTTPException) as error:
        raise JudgeFailedError(f"the page of songs to judge did not answer: {error}") from error


def _password(file: Path) -> str:
    """The first administrator's: made up for this system, unless the surroundings name one."""
    return os.environ.get("PORTAL_ADMIN_PASSWORD") or file.read_text().strip()


def _judge(person: "_Person", library: DemoLibrary, most: int) -> Judged:
    known = {(song.title, song.artist, song.album): song for song in library.songs}
    songs = wrong = 0
    question = person.question()
    while question.track and songs < most:
        song = known[question.song]
        question = person.answer(question, song.true_genre)
        songs += 1
        wrong += song.tag_state == "wrong"
    return Judged(songs=songs, wrong_tags=wrong)


class _Page(HTMLParser):
    """What a person sees of a page: its form, and the genres that can be chosen in it."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.song: tuple[str, str, str] = ("", "", "")
        """Title, artist and album of the song that is asked about."""
        self.genres: dict[str, str] = {}
        """What a choice sends, by the name of the genre."""
        self.asks_for_password = False
        """It is the page to sign in."""
        self._option: str | None = None

    @property
    def track(self) -> str:
        """What the form calls the song; empty where none is asked about."""
        return self.hidden.get("track", "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._option = given.get("value") if tag == "option" else None
        if tag == "input" and given.get("type") == "hidden":
            self.hidden[given.get("name", "")] = given.get("value", "")
        elif tag == "input" and given.get("type") == "password":
            self.asks_for_password = True
        elif tag == "form" and "data-judge" in given:
            self.song = (given["data-title"], given["data-artist"], given["data-album"])

    def handle_data(self, data: str) -> None:
        if self._option:
            self.genres[data.strip()] = self._option


class _Person:
    """A browser without a window."""

    def __init__(self, address: str) -> None:
        self._address = address
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        # The portal is on this machine: no proxy of the surroundings is asked.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)

    def sign_in(self, password: str) -> None:
        """As whoever was told the first password."""
        page = self._load(LOGIN)
        sent = {TOKEN: page.hidden[TOKEN], "username": ADMINISTRATOR, "password": password, "next": "/admin/"}
        if self._load(LOGIN, sent).asks_for_password:
            raise JudgeFailedError(
                f"{ADMINISTRATOR} could not sign in: is the password of this system another one?"
            )

    def question(self) -> _Page:
        """The song that is asked about."""
        return self._load(JUDGE)

    def answer(self, page: _Page, genre: str) -> _Page:
        """Say that the song is of this genre, or of none where it cannot be chosen; the next question."""
        chosen = {"genre": page.genres[genre]} if genre in page.genres else {"none": ""}
        return self._load(JUDGE, {TOKEN: page.hidden[TOKEN], "track": page.track, **chosen})

    def _load(self, path: str, sent: dict[str, str] | None = None) -> _Page:
        data = urlencode(sent).encode() if sent else None
        with self._opener.open(self._address + path, data, timeout=TIMEOUT_SECONDS) as answer:
            page = _Page()
            page.feed(answer.read().decode())
            return page
