"""A newcomer in the browser: from `reclass up` to songs in Plex and back, by what the dashboard offers and no shell."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser import open_page, sign_in
from playwright.sync_api import Page, expect
from plex_stand_in import TOKEN, Control
from running_demo import BIN, ROOT, STOP_SECONDS, system_processes, wait_until
from standalone.demo_library import GENRES, make
from standalone.host.data_folder import DataFolder
from standalone.host.ports import Ports, variable
from standalone.plex_stand_in.catalogue import StandInTrack, music_and_films
from standalone.plex_stand_in.server import running_stand_in

pytestmark = pytest.mark.timeout(900)
START_SECONDS = 600
# A run over these songs takes seconds; a machine that does other things too takes its time.
RUN_MILLISECONDS = 240_000
SONGS_PER_GENRE = 12
GENRE_COUNT = 4


@dataclass(frozen=True, kw_only=True)
class FreshSystem:
    """A system as `reclass up` leaves it: nothing is known of any Plex."""

    url: str
    password: str
    plex: Control

    def genres(self) -> dict[str, tuple[tuple[str, ...], bool]]:
        """Genres and lock of each song as Plex has them."""
        tracks = self.plex.ask("GET", "tracks", library=2, size=5000)["tracks"]
        return {track["rating_key"]: (tuple(track["genres"]), track["locked"]) for track in tracks}


@contextmanager
def plex_of_48_songs(folder: Path) -> Iterator[Control]:
    """A stand-in for Plex before a made library, whose files lie where it says."""
    library = make(folder / "music", songs_per_genre=SONGS_PER_GENRE, genres=tuple(GENRES)[:GENRE_COUNT])
    tracks = tuple(
        StandInTrack(
            rating_key=1000 + number,
            title=song.title,
            artist=song.artist,
            album_artist=song.artist,
            album=song.album,
            duration_seconds=song.duration_seconds,
            file=str(song.path),
            genres=song.tagged_genres,
        )
        for number, song in enumerate(library.songs)
    )
    catalogue = music_and_films(tracks, str(folder / "music"))
    with running_stand_in(catalogue, folder / "plex", token=TOKEN) as stand_in:
        yield Control(stand_in=stand_in)


@contextmanager
def running_up(folder: DataFolder, log: Path) -> Iterator[Ports]:
    """`reclass up` until it says that it runs; stopped at the end."""
    ports = Ports.free()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLEX_")}
    environment |= {variable(name): str(port) for name, port in ports.items()}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [BIN / "reclass", "up", "--data", str(folder.root)],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        wait_until(
            lambda: "Stop with Ctrl-C" in log.read_text() or process.poll() is not None,
            seconds=START_SECONDS,
            what=f"the system runs; it printed:\n{log.read_text()[-3000:]}",
        )
        assert process.poll() is None, log.read_text()
        yield ports
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        finally:
            for left in system_processes(folder):
                left.kill()


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreshSystem]:
    """It runs, and somebody has read the password where `reclass up` said that it is."""
    base = tmp_path_factory.mktemp("newcomer")
    folder = DataFolder(root=base.resolve() / "data")
    with plex_of_48_songs(base) as plex, running_up(folder, base / "output") as ports:
        password = folder.admin_password.read_text().strip()
        yield FreshSystem(url=f"http://127.0.0.1:{ports.web}", password=password, plex=plex)


def test_a_newcomer_gets_from_the_first_sign_in_to_plex_and_back_by_clicking_what_is_offered(
    fresh: FreshSystem,
) -> None:
    before = fresh.genres()
    with open_page() as page:
        page.set_default_timeout(30_000)
        sign_in(page, fresh.url, "admin", fresh.password)
        press_next(page, "Connect Plex")
        page.fill("[name=url]", fresh.plex.stand_in.url)
        page.fill("[name=token]", fresh.plex.stand_in.token)
        page.click("button[name=connect]")
        expect(page.get_by_text("answers and accepts the token")).to_be_visible()
        for step in ("Sync now", "Analyse", "Train", "Classify pending", "Dry run"):
            press_next(page, step)
            expect(page.get_by_text("Started:")).to_be_visible()
        press_next(page, "Look it over")
        press_next(page, "Apply…")
        assert fresh.genres() == before
        press_next(page, "Apply")
        expect(page.get_by_text("Applied", exact=True).first).to_be_visible(timeout=RUN_MILLISECONDS)
        written = fresh.genres()
        assert written != before
        to_dashboard(page)
        page.get_by_role("link", name="Roll back batch").click()
        page.get_by_role("button", name="Roll back…").click()
        press_next(page, "Roll back")
        expect(page.get_by_text("Rolled back", exact=True).first).to_be_visible(timeout=RUN_MILLISECONDS)
    assert fresh.genres() == before


def to_dashboard(page: Page) -> None:
    """By the menu."""
    page.locator("#nav-sidebar a", has_text="Dashboard").first.click()


def press_next(page: Page, words: str) -> None:
    """Wait until a button stands out, which is when no run is at work any more; it must be this one, alone."""
    standing_out = page.locator(".rc-button.rc-main")
    expect(standing_out.first).to_be_visible(timeout=RUN_MILLISECONDS)
    assert [each.strip() for each in standing_out.all_inner_texts()] == [words], page.inner_text("body")
    standing_out.click()
