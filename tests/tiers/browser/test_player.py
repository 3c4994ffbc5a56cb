"""The player of a song in a real browser, before the real web process, sync and real files: it really plays."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import songs
from accessibility import grave_faults
from audio_files import music, write_audio
from browser import open_page, sign_in
from django.db import connection
from playwright.sync_api import Page, Response
from plex_stand_in import TOKEN, Control
from portal.library.models import Track
from postgres_server import PostgresServer
from processes import free_port
from runtime.testing import running_server
from standalone.plex_stand_in.catalogue import StandInTrack, music_and_films
from standalone.plex_stand_in.server import running_stand_in
from sync.servicer import SERVICE_NAME, SyncServicer
from web_process import web_process

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("genres")]

SECONDS = 120
KINDS = ("mp3", "flac", "ogg", "wma")
SMALL_BYTES = 3 * 2**20
PLAYED = ("mp3", "flac", "ogg")
AUDIO = "document.querySelector('[data-player] audio')"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two minutes of each kind, with as many bytes as it takes."""
    folder, samples = tmp_path_factory.mktemp("music"), music(SECONDS)
    return {kind: write_audio(folder / f"song.{kind}", samples, bit_rate=320_000) for kind in KINDS}


@pytest.fixture(scope="module")
def plex(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    """A library of these files."""
    tracks = tuple(
        StandInTrack(rating_key=number, title=f"Song {kind}", file=str(file), artist="A", album_artist="A")
        for number, (kind, file) in enumerate(files.items(), 1)
    )
    catalogue = music_and_films(tracks, str(files["mp3"].parent))
    with running_stand_in(catalogue, tmp_path_factory.mktemp("state"), token=TOKEN) as stand_in:
        yield Control(stand_in=stand_in)


@dataclass(kw_only=True)
class Playing:
    """A page of a song, and what its browser got of the sound."""

    page: Page
    answers: list[Response] = field(default_factory=list)

    def time(self) -> float:
        return float(self.page.evaluate(f"{AUDIO}.currentTime"))

    def wait(self, condition: str) -> None:
        """For something that is to come true of the player."""
        self.page.wait_for_function(f"(audio => {condition})({AUDIO})", timeout=20_000)

    def ranges(self) -> list[tuple[int, str, str]]:
        """Status, what was asked for, and what came."""
        return [
            (each.status, each.request.headers.get("range", ""), each.headers.get("content-range", ""))
            for each in self.answers
        ]


@pytest.fixture
def on_the_page_of(
    plex: Control,
    files: dict[str, Path],
    postgres: PostgresServer,
    tmp_path: Path,
    settings: Any,
    django_user_model: Any,
) -> Iterator[Callable[[str, Callable[[Playing], Any]], Any]]:
    """Opens the page of the song of a kind, and does something there."""
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher"
    ]  # as the web process has it
    django_user_model.objects.create_superuser("admin", password="pw")
    plex.ask("DELETE", "faults")
    library = songs.make_library()
    tracks = {
        kind: songs.make_song(
            library, number, title=f"Song {kind}", artist="A", file=str(file), duration_seconds=SECONDS
        )
        for number, (kind, file) in enumerate(files.items(), 1)
    }
    synced, port = plex.music(), free_port()
    with (
        running_server({SERVICE_NAME: SyncServicer(synced).register}) as sync,
        web_process(
            postgres.url(str(connection.settings_dict["NAME"])),
            tmp_path / "log",
            listens_on=("127.0.0.1", port),
            PORTAL_PORT=str(port),
            PORTAL_SYNC_TARGET=f"127.0.0.1:{sync.port}",
        ),
        ThreadPoolExecutor(1) as browser_thread,
    ):
        url = f"http://127.0.0.1:{port}"
        yield lambda kind, steps: browser_thread.submit(opened, url, tracks[kind], steps).result()
    synced.close()


def opened(url: str, track: Track, steps: Callable[[Playing], Any]) -> Any:
    with open_page() as page:
        playing, faults = Playing(page=page), []
        page.on(
            "response", lambda each: playing.answers.append(each) if each.url.endswith("/audio") else None
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        sign_in(page, url, "admin", "pw")
        page.goto(f"{url}/admin/library/track/{track.pk}/change/")
        found = steps(playing)
        assert faults == []
        return found


@pytest.mark.parametrize("kind", PLAYED)
def test_a_song_plays_and_is_sought_in(
    on_the_page_of: Any, plex: Control, files: dict[str, Path], kind: str, say: Callable[[object], None]
) -> None:
    size = files[kind].stat().st_size
    # Else all of it may be there before anybody seeks in it.
    plex.fail("slow", path="/library/parts/", seconds=0.005 if size < SMALL_BYTES else 0.001)

    def steps(playing: Playing) -> float:
        assert playing.answers == [], "nothing is asked for before somebody wants to hear it"
        page = playing.page
        page.evaluate(
            f"{AUDIO}.addEventListener('timeupdate', () => window.firstSound ??= performance.now());"
            "addEventListener('keydown', () => window.pressed ??= performance.now(), true)"
        )
        page.keyboard.press("Space")
        playing.wait("audio.currentTime > 0.5 && !audio.paused")
        before = playing.time()
        page.keyboard.press("ArrowRight")
        assert before + 5 <= playing.time() < before + 10
        page.keyboard.press("Shift+ArrowRight")
        assert before + 15 <= playing.time() < before + 25
        page.keyboard.press("ArrowLeft")
        assert before + 10 <= playing.time() < before + 20
        page.evaluate(f"{AUDIO}.currentTime = 0.9 * {AUDIO}.duration")
        playing.wait("!audio.seeking && audio.currentTime > 0.9 * audio.duration + 0.3")
        page.keyboard.press("Space")
        playing.wait("audio.paused")
        return float(page.evaluate("window.firstSound - window.pressed"))

    ranges: list[tuple[int, str, str]] = []
    first_sound = on_the_page_of(kind, lambda playing: (steps(playing), ranges.extend(playing.ranges()))[0])
    assert {status for status, _, _ in ranges} == {206}
    assert ranges[0][1:] == ("bytes=0-", f"bytes 0-{size - 1}/{size}")
    begins = [int(asked.removeprefix("bytes=").partition("-")[0]) for _, asked, _ in ranges]
    assert max(begins) > size / 2, ranges
    assert all(came.startswith(f"bytes {begin}-") for begin, (_, _, came) in zip(begins, ranges, strict=True))
    assert first_sound < 5_000
    say(
        f"first sound of {kind}, {size / 2**20:.1f} MiB: {first_sound:.0f} ms; parts asked for: {len(ranges)}"
    )


def test_it_goes_to_the_part_that_was_analysed(on_the_page_of: Any) -> None:
    def steps(playing: Playing) -> None:
        playing.page.get_by_role("button", name="From the middle").click()
        playing.wait("audio.currentTime > 45 && audio.currentTime < 60 && !audio.paused")

    on_the_page_of("mp3", steps)


def test_a_page_may_begin_there(on_the_page_of: Any) -> None:
    def steps(playing: Playing) -> None:
        playing.page.add_init_script(
            "document.addEventListener('DOMContentLoaded',"
            " () => document.querySelector('[data-player]').setAttribute('data-from-middle', ''))"
        )
        playing.page.reload()
        playing.page.keyboard.press("Space")
        playing.wait("audio.currentTime > 45 && audio.currentTime < 60 && !audio.paused")

    on_the_page_of("flac", steps)


def test_keys_that_are_typed_or_press_something_else_play_nothing(on_the_page_of: Any) -> None:
    def steps(playing: Playing) -> None:
        playing.page.locator("[name=note]").focus()
        playing.page.keyboard.press("Space")
        playing.page.keyboard.press("Control+ArrowRight")
        playing.page.locator(".rc-card h2").first.click()
        playing.page.keyboard.press("Control+Space")
        assert playing.page.locator("[name=note]").input_value() == " "
        assert playing.page.evaluate(f"{AUDIO}.paused")
        assert playing.answers == []
        playing.page.keyboard.press("Space")
        playing.wait("!audio.paused && audio.currentTime > 0.1")

    on_the_page_of("mp3", steps)


def test_a_file_that_the_browser_cannot_play_can_be_downloaded(
    on_the_page_of: Any, files: dict[str, Path]
) -> None:
    def steps(playing: Playing) -> None:
        playing.page.keyboard.press("Space")
        trouble = playing.page.locator("[data-player-trouble]")
        trouble.get_by_text("audio/x-ms-wma").wait_for()
        assert grave_faults(playing.page) == []
        with playing.page.expect_download() as download:
            trouble.get_by_role("link", name="Download the file").click()
        assert download.value.suggested_filename == "song.wma"
        assert Path(download.value.path()).read_bytes() == files["wma"].read_bytes()

    on_the_page_of("wma", steps)


def test_while_plex_is_away_the_page_says_so_and_plays_when_it_is_back(
    on_the_page_of: Any, plex: Control
) -> None:
    plex.fail("status", status=503, times=-1)

    def steps(playing: Playing) -> None:
        playing.page.keyboard.press("Space")
        trouble = playing.page.locator("[data-player-trouble]")
        trouble.get_by_text("maintenance").wait_for()
        assert not trouble.get_by_role("link").is_visible()
        plex.ask("DELETE", "faults")
        trouble.get_by_role("button", name="Try again").click()
        playing.wait("!audio.paused && audio.currentTime > 0.3")
        assert not trouble.is_visible()

    on_the_page_of("mp3", steps)


def test_who_was_signed_out_meanwhile_is_told_so(on_the_page_of: Any) -> None:
    def steps(playing: Playing) -> None:
        playing.page.context.clear_cookies()
        playing.page.keyboard.press("Space")
        playing.page.locator("[data-player-trouble]").get_by_text("signed out").wait_for()

    on_the_page_of("mp3", steps)


def test_it_has_a_name_and_fits_a_telephone(on_the_page_of: Any) -> None:
    def steps(playing: Playing) -> None:
        page = playing.page
        assert page.evaluate(f"{AUDIO}.getAttribute('aria-label')") == "Play Song ogg, A"
        assert grave_faults(page) == []
        page.set_viewport_size({"width": 390, "height": 844})
        box = page.locator("[data-player] audio").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["width"] >= 250
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")

    on_the_page_of("ogg", steps)
