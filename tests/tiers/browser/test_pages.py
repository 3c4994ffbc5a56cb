"""The pages in a real browser: no other host is asked, no script fails, actions can be reached."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import songs
from browser import open_page, sign_in, take_screenshots
from portal.genres.models import Genre
from portal.ledger.models import WriteBatch
from portal.runs.models import Run, RunSong
from portal.verdicts.models import Override


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("genres")
def test_a_person_signs_in_looks_at_every_page_and_sets_a_genre_for_ticked_songs(
    live_server: Any, tmp_path: Path, django_user_model: Any
) -> None:
    django_user_model.objects.create_superuser("admin", password="pw")
    tracks = songs.make_classified_songs(12)
    songs.make_batch(tracks)
    folk = Genre.objects.get(name="Folk").pk
    # Playwright runs an event loop in its thread, and Django's database calls refuse such a thread.
    with ThreadPoolExecutor(1) as browser_thread:
        pictures = browser_thread.submit(take_screenshots, live_server.url, "admin", "pw", tmp_path).result()
        browser_thread.submit(set_genre_of_all, live_server.url, str(folk)).result()
    assert set(pictures) == {
        "dashboard", "track-list", "settings", "embeddings", "readiness", "models", "track-page", "write-batch",
        "judge-songs",
    }  # fmt: skip
    assert all(path.stat().st_size > 20_000 for path in pictures.values())
    assert Override.objects.filter(genre=folk).count() == 12


def set_genre_of_all(url: str, genre: str) -> None:
    """What a person clicks to give all songs of the list a genre."""
    with open_page() as page:
        sign_in(page, url, "admin", "pw")
        page.goto(f"{url}/admin/library/track/")
        page.locator("#action-toggle").check()
        page.locator("select[name=action]").select_option("set_genre")
        page.locator("#changelist-actions-wrapper button[type=submit]").first.click()
        page.locator("select[name=genre]").select_option(genre)
        page.get_by_role("button", name="Set the genre").click()
        page.get_by_text("is now the genre of 12 songs").wait_for()


CUT_OFF = """cells => cells.filter(cell => cell.scrollHeight > cell.clientHeight + 1
    || cell.scrollWidth > cell.clientWidth + 1).map(cell => cell.innerText)"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("genres")
def test_a_long_message_is_whole_on_a_telephone(live_server: Any, django_user_model: Any) -> None:
    django_user_model.objects.create_superuser("admin", password="pw")
    said = "Batch 3: 1,234 songs would be written; run `reclass push` when you have looked it over. " * 3
    Run.objects.create(kind=Run.Kind.PLAN, state=Run.State.DONE, request_id="r", message=said)
    with ThreadPoolExecutor(1) as browser_thread:
        assert browser_thread.submit(cut_off, f"{live_server.url}", "/admin/runs/run/").result() == []


def cut_off(url: str, path: str) -> list[str]:
    """Cells of a list that a narrow window shows in part."""
    with open_page() as page:
        sign_in(page, url, "admin", "pw")
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{url}{path}")
        found: list[str] = page.eval_on_selector_all("#result_list td, #result_list th", CUT_OFF)
        return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("genres")
def test_no_word_and_no_form_is_wider_than_a_telephone(live_server: Any, django_user_model: Any) -> None:
    django_user_model.objects.create_superuser("admin", password="pw")
    (track,) = songs.make_classified_songs(1)
    track.title = track.artist = track.album = "W" * 300
    track.analysis_message = "/music/" + "W" * 300
    track.save()
    run = Run.objects.create(kind=Run.Kind.EXTRACT, state=Run.State.FAILED, request_id="r", message="W" * 300)
    RunSong.objects.create(run=run, track=track, state=RunSong.State.FAILED, message="W" * 300, attempts=3)
    paths = ["", f"library/track/{track.pk}/change/", "library/track/", "auth/user/add/", "runs/run/"]
    paths.append(f"runs/run/{run.pk}/change/")
    with ThreadPoolExecutor(1) as browser_thread:
        wide = browser_thread.submit(wider_than_a_telephone, live_server.url, paths).result()
    assert wide == []


def wider_than_a_telephone(url: str, paths: list[str]) -> list[str]:
    with open_page() as page:
        sign_in(page, url, "admin", "pw")
        page.set_viewport_size({"width": 390, "height": 844})
        found = []
        for path in paths:
            page.goto(f"{url}/admin/{path}")
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                found.append(path)
        return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("genres")
def test_after_a_batch_was_applied_the_browser_can_go_back(live_server: Any, django_user_model: Any) -> None:
    django_user_model.objects.create_superuser("admin", password="pw")
    batch = songs.make_batch(songs.make_classified_songs(2), WriteBatch.State.PLANNED)
    address = f"/admin/ledger/writebatch/{batch.pk}/change/"
    with ThreadPoolExecutor(1) as browser_thread:
        browser_thread.submit(apply_and_go_back, live_server.url, address).result()
    assert Run.objects.filter(kind=Run.Kind.PUSH, batch=batch).count() == 1


def apply_and_go_back(url: str, address: str) -> None:
    """As somebody does who wants to see once more what was asked."""
    with open_page() as page:
        sign_in(page, url, "admin", "pw")
        page.goto(f"{url}{address}")
        page.get_by_role("button", name="Apply…").click()
        page.get_by_text("will be written to Plex").wait_for()
        page.get_by_role("button", name="Apply", exact=True).click()
        page.get_by_text("Started:").wait_for()
        page.go_back()
        page.go_back()
        page.get_by_text("Planned").first.wait_for()
