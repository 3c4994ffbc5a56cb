"""The pages for people who use a keyboard or a screen reader, in a real browser."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import songs
from accessibility import grave_faults
from browser import open_page, sign_in
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from playwright.sync_api import Page
from portal.first_guess.keeping import refresh
from portal.genres.models import Genre
from portal.ledger.models import WriteBatch
from portal.library.embeddings import enabled_kinds, known_kinds
from portal.library.models import Vector
from portal.runs.models import Run
from tagged_songs import make_tagged_song, make_tagger

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("genres")]

PAGES = (
    "library/track/", "ledger/writebatch/", "runs/run/", "genres/genre/", "genres/alias/unmapped/",
    "genres/genre/readiness/", "teaching/taughtset/", "registry/trainedmodel/",
    "preferences/changedsetting/", "preferences/changedsetting/embeddings/", "auth/user/", "auth/user/add/",
    "genres/genre/add/", "first_guess/tagvote/", "first_guess/tagvote/add/",
    "callers/callertoken/", "callers/callertoken/add/",
)  # fmt: skip
TEMPLATES = Path("services/portal/portal/templates")


@pytest.fixture
def in_a_browser(
    live_server: Any, django_user_model: Any
) -> Iterator[Callable[[Callable[[Page, str], Any]], Any]]:
    """Runs a function with a page of somebody who has signed in, in a thread of its own: Playwright has an event loop
    in its thread, and Django's database calls refuse such a thread."""
    django_user_model.objects.create_superuser("admin", password="pw")

    def signed_in(steps: Callable[[Page, str], Any]) -> Any:
        with open_page() as page:
            sign_in(page, live_server.url, "admin", "pw")
            return steps(page, live_server.url)

    with ThreadPoolExecutor(1) as browser_thread:
        yield lambda steps: browser_thread.submit(signed_in, steps).result()


@pytest.fixture
def change_run() -> Iterator[Callable[..., None]]:
    """Changes a run from a thread that holds no browser."""

    def change(pk: int, **fields: Any) -> None:
        Run.objects.filter(pk=pk).update(**fields)
        connection.close()

    with ThreadPoolExecutor(1) as database_thread:
        yield lambda pk, **fields: database_thread.submit(change, pk, **fields).result()


def running() -> Run:
    return Run.objects.create(
        kind=Run.Kind.CLASSIFY,
        state=Run.State.RUNNING,
        song_count=10,
        done_count=3,
        message="three are done",
    )


# What it says may change: how full the disk is, how far a run has come.
WHAT_HAS_THE_FOCUS = "[document.activeElement.tagName, document.activeElement.form.action]"


@pytest.mark.parametrize("address", ["", "runs/run/{run}/change/"], ids=["dashboard", "run"])
def test_a_page_that_renews_itself_keeps_focus_and_what_was_scrolled(
    in_a_browser: Any, change_run: Any, address: str
) -> None:
    run = running()

    def steps(page: Page, url: str) -> None:
        page.goto(f"{url}/admin/{address.format(run=run.pk)}")
        assert not page.locator("meta[http-equiv=refresh]").count()
        page.evaluate("document.body.dataset.before = 'yes'")
        page.locator("#live button:not([disabled])").first.focus()
        focused = page.evaluate(WHAT_HAS_THE_FOCUS)
        change_run(run.pk, message="seven are done", done_count=7)
        page.get_by_text("seven are done").first.wait_for()
        assert page.evaluate(WHAT_HAS_THE_FOCUS) == focused
        assert page.evaluate("document.body.dataset.before") == "yes", "the page was loaded anew"
        change_run(run.pk, state=Run.State.DONE, message="all are done")
        page.get_by_text("all are done").first.wait_for()
        page.wait_for_function("!document.getElementById('live').dataset.refreshSeconds")

    in_a_browser(steps)


def test_who_was_signed_out_meanwhile_is_asked_to_sign_in(in_a_browser: Any) -> None:
    run = running()

    def steps(page: Page, url: str) -> None:
        page.goto(f"{url}/admin/runs/run/{run.pk}/change/")
        page.context.clear_cookies()
        page.wait_for_url("**/admin/login/**")

    in_a_browser(steps)


def test_no_page_with_first_guesses_has_a_grave_fault_in_either_width(in_a_browser: Any) -> None:
    make_tagger()
    library = songs.make_library()
    tracks = [make_tagged_song(library, number, jazz=0.8) for number in range(4)]
    refresh()

    def steps(page: Page, url: str) -> dict[str, list[str]]:
        found = {}
        for address in (
            "", "library/track/", f"library/track/{tracks[0].pk}/change/", "first_guess/tagvote/",
            "genres/genre/readiness/", "teaching/taughtset/add/",
        ):  # fmt: skip
            page.goto(f"{url}/admin/{address}")
            assert page.get_by_text("Jazz").count()
            for width in (1440, 390):
                page.set_viewport_size({"width": width, "height": 900})
                found[f"{address} {width}"] = grave_faults(page)
        return {address: faults for address, faults in found.items() if faults}

    assert in_a_browser(steps) == {}


def test_no_page_has_a_grave_fault(in_a_browser: Any) -> None:
    run = running()
    tracks = songs.make_classified_songs(6)
    batch = songs.make_batch(tracks, WriteBatch.State.PLANNED)
    addresses = (
        "", f"runs/run/{run.pk}/change/", f"library/track/{tracks[0].pk}/change/",
        f"ledger/writebatch/{batch.pk}/change/", *PAGES,
    )  # fmt: skip

    def steps(page: Page, url: str) -> list[str]:
        faults = []
        for address in addresses:
            page.goto(f"{url}/admin/{address}")
            faults += grave_faults(page)
        page.context.clear_cookies()
        page.goto(f"{url}/admin/login/")
        return faults + grave_faults(page)

    assert in_a_browser(steps) == []


def test_no_page_of_the_admin_breaks_its_own_policy(in_a_browser: Any) -> None:
    track = songs.make_classified_songs(3)[0]
    batch = songs.make_batch([track], WriteBatch.State.PLANNED)
    lists = [f"{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]
    addresses = [
        "", *lists, *(f"{each}add/" for each in lists), *PAGES, "password_change/", "no-such-page/",
        f"runs/run/{running().pk}/change/", f"library/track/{track.pk}/change/",
        f"library/library/{track.library_id}/change/",
        f"ledger/writebatch/{batch.pk}/change/", f"genres/genre/{Genre.objects.first().pk}/change/",
        f"genres/genre/{Genre.objects.first().pk}/delete/", f"auth/user/{User.objects.get().pk}/change/",
        f"auth/user/{User.objects.get().pk}/password/", f"auth/user/{User.objects.get().pk}/history/",
    ]  # fmt: skip

    def steps(page: Page, url: str) -> list[str]:
        said: list[str] = []
        page.on(
            "console", lambda line: said.append(f"{page.url}: {line.text}") if line.type == "error" else None
        )
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
        for address in dict.fromkeys(addresses):
            answer = page.goto(f"{url}/admin/{address}")
            assert answer is not None
            policy = answer.headers["content-security-policy"].split("; ")
            assert "script-src 'self' 'unsafe-eval'" in policy, page.url
        return [line for line in said if "Failed to load resource" not in line]

    assert in_a_browser(steps) == []


def test_the_menu_can_be_skipped(in_a_browser: Any) -> None:
    def steps(page: Page, url: str) -> None:
        page.goto(f"{url}/admin/runs/run/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip the menu"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.getElementById('content').contains(document.activeElement)")

    in_a_browser(steps)


def test_the_account_and_the_colours_are_reached_by_keyboard(in_a_browser: Any) -> None:
    def steps(page: Page, url: str) -> None:
        page.goto(f"{url}/admin/")
        page.get_by_role("button", name="admin").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Dark").focus()
        page.keyboard.press("Enter")
        page.wait_for_function("document.documentElement.classList.contains('dark')")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Log out").wait_for(state="hidden")
        page.get_by_role("button", name="admin").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Log out").focus()
        page.keyboard.press("Enter")
        page.get_by_text("You have been successfully logged out").wait_for()

    in_a_browser(steps)


def test_at_twice_the_size_the_menu_opens_and_closes_by_keyboard(in_a_browser: Any) -> None:
    def steps(page: Page, url: str) -> None:
        page.set_viewport_size({"width": 720, "height": 450})
        page.goto(f"{url}/admin/")
        songs_of_menu = page.locator("#nav-sidebar a", has_text="Songs").first
        assert not songs_of_menu.is_visible()
        page.get_by_role("button", name="Menu", exact=True).focus()
        page.keyboard.press("Enter")
        songs_of_menu.wait_for()
        page.keyboard.press("Escape")
        songs_of_menu.wait_for(state="hidden")
        page.keyboard.press("Enter")
        songs_of_menu.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/library/track/")

    in_a_browser(steps)


def test_filters_open_and_close_by_keyboard(in_a_browser: Any) -> None:
    songs.make_classified_songs(3)

    def steps(page: Page, url: str) -> None:
        page.goto(f"{url}/admin/library/track/")
        page.get_by_role("button", name="Filters").focus()
        page.keyboard.press("Enter")
        page.locator("#changelist-filter").wait_for(state="visible")
        page.wait_for_function(
            "document.getElementById('changelist-filter').contains(document.activeElement)"
        )
        page.keyboard.press("Escape")
        page.locator("#changelist-filter").wait_for(state="hidden")
        page.wait_for_function("document.activeElement.textContent.includes('Filters')")

    in_a_browser(steps)


def test_everything_that_scrolls_sideways_can_be_reached_by_keyboard_and_has_a_name() -> None:
    for template in TEMPLATES.rglob("*.html"):
        for line in template.read_text().splitlines():
            if "rc-scroll" in line:
                assert 'tabindex="0" role="region" aria-label="' in line, f"{template}: {line.strip()[:120]}"


def test_every_table_can_scroll_sideways() -> None:
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text()
        for found in re.finditer('<table class="rc-table', text):
            before = text[: found.start()]
            assert before.rfind("rc-scroll") > before.rfind("<section"), (
                f"{template}: a table that sticks out"
            )


def test_the_table_of_embeddings_is_whole_in_either_width_and_used_by_keyboard(
    in_a_browser: Any, tmp_path: Path
) -> None:
    songs.make_embeddings()
    songs.make_classified_songs(3)

    def steps(page: Page, url: str) -> list[str]:
        faults = []
        page.goto(f"{url}/admin/preferences/changedsetting/embeddings/")
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            faults += grave_faults(page)
            page.screenshot(path=tmp_path / f"embeddings-{width}.png", full_page=True)
            too_wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            faults += [f"{too_wide} px too wide at {width}"] if too_wide > 0 else []
        page.get_by_role("button", name="Switch MusiCNN off").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # down
        page.get_by_text("The order of stages was changed").wait_for()
        page.get_by_role("button", name="Switch MERT off").focus()
        page.keyboard.press("Enter")
        page.get_by_text("MERT is used no more").wait_for()
        return faults

    assert in_a_browser(steps) == []
    assert enabled_kinds() == ("fma", "musicnn")
    assert known_kinds() == ("fma", "mert", "musicnn")


def test_similar_songs_come_into_the_page_of_a_song(in_a_browser: Any) -> None:
    cache.clear()  # by what songs are compared is remembered for a minute
    songs.make_embeddings()
    tracks = songs.make_classified_songs(3)
    for number, track in enumerate(tracks):
        Vector.objects.create(audio=track.audio, kind="fma", version="fma/1", values=[number, number**2, 1.0])

    def steps(page: Page, url: str) -> list[str]:
        page.goto(f"{url}/admin/library/track/{tracks[0].pk}/change/")
        page.get_by_role("link", name=tracks[2].title, exact=True).wait_for()
        assert page.get_by_text("by FMA, which all songs have").count() == 1
        return grave_faults(page)

    assert in_a_browser(steps) == []
