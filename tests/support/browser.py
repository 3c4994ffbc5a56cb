"""Chromium for tests: finds it, drives it through Playwright, and takes the README's screenshots."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, ViewportSize, sync_playwright

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Of a page's picture, what is shown by itself too.
PARTS = {
    "track-page": {"decision-parts": "[data-parts]"},
    "model-page": {"both-readings": "[data-readings]"},
}
NARROWEST_CARD_PIXELS = 180
VIEWPORT: ViewportSize = {"width": 1440, "height": 900}
NARROW_VIEWPORT: ViewportSize = {"width": 900, "height": 900}


def chromium_path() -> str:
    """Chromium's program. Without one the test is skipped, or failed where RECLASS_REQUIRE_BROWSER=1 says so."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        return found
    reason = "no Chromium in PATH: apt-get install chromium"
    if os.environ.get("RECLASS_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def open_page() -> Iterator[Page]:
    """A page of a fresh browser."""
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser.new_page(viewport=VIEWPORT)
        finally:
            browser.close()


def sign_in(page: Page, base_url: str, user: str, password: str) -> None:
    """Sign in to the admin."""
    page.goto(f"{base_url}/admin/login/")
    page.fill("[name=username]", user)
    page.fill("[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(f"{base_url}/admin/")


def take_screenshots(base_url: str, user: str, password: str, folder: Path) -> dict[str, Path]:
    """Pictures of dashboard, lists, and the pages of a song, a write batch and a model, by these names.

    Fails when a page asked another host for anything, when a script on it failed, or when a person would see that it is
    broken. A picture of what does not exist (no song, no batch, no model) is left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    base_url = base_url.rstrip("/")
    pictures = {}
    with open_page() as page:
        foreign: list[str] = []
        faults: list[str] = []
        page.on(
            "request",
            lambda request: foreign.append(request.url) if not _own(request.url, base_url) else None,
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        sign_in(page, base_url, user, password)
        for name, address in _addresses(page, base_url):
            page.goto(address)
            page.evaluate("document.fonts.ready.then(() => true)")
            faults += [f"{name}: {fault}" for fault in (*_flaws(page), *_narrow_flaws(page))]
            pictures[name] = folder / f"{name}.png"
            page.screenshot(path=pictures[name])
            for part, selector in PARTS.get(name, {}).items():
                if page.locator(selector).count():
                    pictures[part] = folder / f"{part}.png"
                    page.locator(selector).first.screenshot(path=pictures[part])
        assert not foreign, f"pages asked other hosts: {foreign}"
        assert not faults, f"pages are broken: {faults}"
    return pictures


def _flaws(page: Page) -> list[str]:
    """What no test of the page's source sees: markup shown as text, and cards squeezed into slivers."""
    text = page.inner_text("body")
    widths = page.eval_on_selector_all(".rc-card", "cards => cards.map(card => card.clientWidth)")
    flaws = ["it shows markup"] if "</" in text else []
    return flaws + [f"a card is {width} px wide" for width in widths if width < NARROWEST_CARD_PIXELS]


def _narrow_flaws(page: Page) -> list[str]:
    """The same in a narrow window, where nothing may stick out either."""
    page.set_viewport_size(NARROW_VIEWPORT)
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    flaws = _flaws(page) + ([f"it is {too_wide} px wider than a narrow window"] if too_wide > 0 else [])
    page.set_viewport_size(VIEWPORT)
    return flaws


def _own(url: str, base_url: str) -> bool:
    return url.startswith("data:") or urlsplit(url).netloc == urlsplit(base_url).netloc


def _addresses(page: Page, base_url: str) -> list[tuple[str, str]]:
    found = [
        ("dashboard", f"{base_url}/admin/"),
        ("track-list", f"{base_url}/admin/library/track/"),
        ("settings", f"{base_url}/admin/preferences/changedsetting/"),
        ("embeddings", f"{base_url}/admin/preferences/changedsetting/embeddings/"),
        ("readiness", f"{base_url}/admin/genres/genre/readiness/"),
        ("models", f"{base_url}/admin/registry/trainedmodel/"),
        ("judge-songs", f"{base_url}/admin/library/track/judge/"),
    ]
    for name, listing in (
        ("track-page", "library/track/?write_kind=correction"),
        ("track-page", "library/track/?suspected_label_error=yes"),
        ("track-page", "library/track/"),
        ("write-batch", "ledger/writebatch/?state__exact=applied"),
        ("write-batch", "ledger/writebatch/"),
        ("model-page", "registry/trainedmodel/"),
    ):
        page.goto(f"{base_url}/admin/{listing}")
        link = page.locator("#result_list tbody th a, .rc-table td:first-child a").first
        if name not in dict(found) and link.count():
            found.append((name, f"{base_url}{urlsplit(str(link.get_attribute('href'))).path}"))
    return found
