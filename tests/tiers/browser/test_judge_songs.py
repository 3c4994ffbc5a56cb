"""Judging songs in a real browser, before the real web process, sync and real files: by ear and by keyboard."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import songs
from accessibility import grave_faults
from audio_files import music, write_audio
from browser import open_page, sign_in
from django.db import connection
from features_stand_in import FeaturesStandIn
from playwright.sync_api import Page
from plex_stand_in import TOKEN, Control
from portal.genres.models import Genre
from portal.library.models import Analysis
from portal.verdicts.models import Judgement, Override
from postgres_server import PostgresServer
from processes import free_port
from runtime.testing import running_server
from stand_in_services import InferenceStandIn, registered
from standalone.plex_stand_in.catalogue import StandInTrack, music_and_films
from standalone.plex_stand_in.server import running_stand_in
from sync.servicer import SERVICE_NAME, SyncServicer
from web_process import web_process

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("genres")]

SECONDS = 120
SONGS = 15
ALONE = 12
"""Songs that are alone on their albums."""
ON_ALBUM = SONGS - ALONE
ALBUM_ARTIST = "The Band"
JUDGED = 10
AUDIO = "document.querySelector('[data-player] audio')"
TAG, SOUND = "Folk", "Jazz"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes that all songs sound like."""
    return write_audio(tmp_path_factory.mktemp("music") / "song.mp3", music(SECONDS))


@pytest.fixture(scope="module")
def plex(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    """A library of songs that all have this file."""
    tracks = tuple(
        StandInTrack(
            rating_key=number,
            title=f"Song {number}",
            file=str(file),
            artist=f"Artist {number}" if number <= ALONE else ALBUM_ARTIST,
        )
        for number in range(1, SONGS + 1)
    )
    catalogue = music_and_films(tracks, str(file.parent))
    with running_stand_in(catalogue, tmp_path_factory.mktemp("state"), token=TOKEN) as stand_in:
        yield Control(stand_in=stand_in)


def fill(file: Path) -> None:
    """The same songs, each of an artist of its own, whose tags contradict a model in service; the last are an album."""
    songs.make_serving_model("genre_fma/3", (TAG, SOUND))
    library, genres = songs.make_library(), {genre.name: genre for genre in Genre.objects.all()}
    for number in range(1, SONGS + 1):
        track = songs.make_song(
            library,
            number,
            title=f"Song {number}",
            artist=f"Artist {number}" if number <= ALONE else ALBUM_ARTIST,
            album_artist=f"Artist {number}" if number <= ALONE else ALBUM_ARTIST,
            album=f"Album {number}" if number <= ALONE else "Hits",
            file=str(file),
            duration_seconds=SECONDS,
            tag_genre=genres[TAG],
            analysis=Analysis.CLASSIFIED,
        )
        songs.add_prediction(track, genres[SOUND], 0.9, model_version="genre_fma/3", outcome="classified")


@pytest.fixture
def on_the_page(
    plex: Control, file: Path, postgres: PostgresServer, tmp_path: Path, settings: Any, django_user_model: Any
) -> Iterator[Callable[[Callable[[Page], Any]], Any]]:
    """Opens the page, and does something there."""
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher"
    ]  # as the web process has it
    django_user_model.objects.create_superuser("admin", password="pw")
    fill(file)
    synced, port = plex.music(), free_port()
    with (
        running_server({SERVICE_NAME: SyncServicer(synced).register}) as sync,
        running_server(registered(FeaturesStandIn(), InferenceStandIn())) as inference,
        web_process(
            postgres.url(str(connection.settings_dict["NAME"])),
            tmp_path / "log",
            listens_on=("127.0.0.1", port),
            PORTAL_PORT=str(port),
            PORTAL_SYNC_TARGET=f"127.0.0.1:{sync.port}",
            PORTAL_INFERENCE_TARGET=f"127.0.0.1:{inference.port}",
        ),
        ThreadPoolExecutor(1) as browser_thread,
    ):
        url = f"http://127.0.0.1:{port}"
        yield lambda steps: browser_thread.submit(opened, url, steps).result()
    synced.close()


def opened(url: str, steps: Callable[[Page], Any]) -> Any:
    with open_page() as page:
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        sign_in(page, url, "admin", "pw")
        page.get_by_role("link", name="Judge songs").click()
        found = steps(page)
        assert faults == []
        return found


def title(page: Page) -> str:
    return str(page.locator("[data-judge]").get_attribute("data-title"))


def interval(page: Page) -> tuple[float, float]:
    reading = page.locator("[data-reading]")
    return tuple(float(str(reading.get_attribute(f"data-{end}"))) for end in ("low", "high"))  # type: ignore[return-value] # two


def press(page: Page, key: str) -> None:
    """A key that takes the page to another song."""
    before = title(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "before => document.querySelector('[data-judge]').dataset.title !== before", arg=before
    )


def play(page: Page) -> None:
    """A bit of the song, without which no key says what it is."""
    # A key that is pressed before the page has its scripts is lost.
    page.locator("[data-player-help]").wait_for()
    page.keyboard.press("Space")
    page.wait_for_function(f"{AUDIO}.played.length > 0", timeout=20_000)


def key_of(page: Page, genre: str) -> str:
    return str(page.locator(".rc-choices button", has_text=genre).get_attribute("data-key"))


def test_a_person_plays_a_song_judges_ten_by_keyboard_and_sees_the_interval_shrink(on_the_page: Any) -> None:
    def steps(page: Page) -> list[tuple[float, float]]:
        play(page)
        page.wait_for_function(f"{AUDIO}.currentTime > 40 && !{AUDIO}.paused", timeout=20_000)
        page.keyboard.press("Space")
        seen = [interval(page)]
        for _ in range(JUDGED):
            play(page)
            press(page, key_of(page, SOUND))
            seen.append(interval(page))
        assert page.locator("[data-judged]").inner_text() == str(JUDGED)
        assert page.locator(".rc-intervals .rc-fill").count() == JUDGED + 1
        return seen

    seen = on_the_page(steps)
    widths = [high - low for low, high in seen]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[0] / 2
    assert Judgement.objects.count() == JUDGED
    assert set(Override.objects.values_list("genre__name", flat=True)) == {SOUND}


def test_a_song_is_skipped_by_its_key_and_typing_in_the_list_of_genres_judges_nothing(
    on_the_page: Any,
) -> None:
    def steps(page: Page) -> None:
        skipped = title(page)
        press(page, "s")
        asked = title(page)
        assert asked != skipped
        page.locator("[name=another]").focus()
        page.keyboard.press("1")
        page.keyboard.press("s")
        assert title(page) == asked
        page.locator("[name=another]").select_option(label="Rap")
        page.get_by_role("button", name="It is that").click()
        page.get_by_text(f"“{asked}” is Rap").wait_for()

    on_the_page(steps)
    assert Judgement.objects.count() == 1


def test_a_key_that_is_pressed_again_and_again_judges_one_song(on_the_page: Any) -> None:
    def steps(page: Page) -> None:
        key = key_of(page, SOUND)
        play(page)
        with page.expect_navigation():
            page.evaluate(
                "key => [1, 2, 3].forEach(() => document.body.dispatchEvent("
                "new KeyboardEvent('keydown', {key, bubbles: true})))",
                key,
            )
        page.locator("[data-judged]").wait_for()

    on_the_page(steps)
    assert Judgement.objects.count() == 1


def test_a_key_that_is_pressed_twice_slowly_does_not_judge_the_next_song_before_it_played(
    on_the_page: Any,
) -> None:
    def steps(page: Page) -> None:
        play(page)
        press(page, key_of(page, SOUND))
        asked = title(page)
        watch_for_a_form(page)
        page.wait_for_function("performance.now() > 1500")
        page.keyboard.press(key_of(page, SOUND))
        assert page.locator("body[data-sent]").count() == 0
        page.reload()
        assert title(page) == asked
        play(page)
        press(page, key_of(page, SOUND))

    on_the_page(steps)
    assert Judgement.objects.count() == 2


def watch_for_a_form(page: Page) -> None:
    """Whether one is sent is seen, and it is not."""
    page.evaluate(
        "document.addEventListener('submit', event => {"
        " event.preventDefault(); document.body.dataset.sent = ''; }, true)"
    )


def test_enter_in_a_tick_or_a_list_judges_nothing(on_the_page: Any) -> None:
    def steps(page: Page) -> None:
        to_the_album(page)
        watch_for_a_form(page)
        page.locator("[name=whole_album]").focus()
        page.keyboard.press("Enter")
        page.locator("[name=another]").focus()
        page.keyboard.press("Enter")
        assert page.locator("body[data-sent]").count() == 0
        # A button that has the focus is pressed by it as ever.
        page.locator(".rc-choices button").first.focus()
        page.keyboard.press("Enter")
        assert page.locator("body[data-sent]").count() == 1

    on_the_page(steps)


def test_a_song_that_cannot_be_played_is_judged_by_button_and_not_by_key(on_the_page: Any) -> None:
    def steps(page: Page) -> None:
        page.route("**/audio", lambda route: route.abort())
        page.locator("[data-player-help]").wait_for()
        page.keyboard.press("Space")
        page.locator("[data-player-trouble]").wait_for()
        page.wait_for_function("performance.now() > 1500")
        asked, key = title(page), key_of(page, SOUND)
        page.evaluate("() => { window.stays = true; }")
        page.keyboard.press(key)
        page.wait_for_timeout(500)
        assert page.evaluate("window.stays")
        page.locator(f".rc-choices [data-key='{key}']").click()
        page.get_by_text(f"“{asked}” is {SOUND}").wait_for()

    on_the_page(steps)
    assert Judgement.objects.count() == 1


def to_the_album(page: Page) -> None:
    while page.locator("[data-judge]").get_attribute("data-artist") != ALBUM_ARTIST:
        press(page, "s")


def test_a_whole_album_is_judged_and_taken_back_by_keyboard_as_one_judgement(on_the_page: Any) -> None:
    def steps(page: Page) -> None:
        to_the_album(page)
        asked, box = title(page), page.get_by_label(f"The whole album ({ON_ALBUM} songs) is of this genre")
        assert grave_faults(page) == []
        page.keyboard.press("a")
        assert box.is_checked()
        page.keyboard.press("a")
        assert not box.is_checked()
        box.click()
        assert box.is_checked()
        # Out of the box, where the space bar is its own.
        page.locator("body").click(position={"x": 700, "y": 700})
        play(page)
        press(page, key_of(page, SOUND))
        page.get_by_text(f"“{asked}” and {ON_ALBUM - 1} other songs of its album are {SOUND}").wait_for()
        assert page.locator("[data-judged]").inner_text() == "1"
        assert page.locator("[data-judge]").get_attribute("data-artist") != ALBUM_ARTIST
        page.keyboard.press("u")
        page.get_by_text(f"What you said of {ON_ALBUM} songs is taken back").wait_for()
        assert page.locator("[data-judged]").inner_text() == "0"

    on_the_page(steps)
    assert not Override.objects.exists()
    assert not Judgement.objects.exists()


def test_the_page_can_be_used_by_everybody_and_fits_a_telephone(on_the_page: Any) -> None:
    def steps(page: Page) -> None:
        assert grave_faults(page) == []
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")

    on_the_page(steps)
