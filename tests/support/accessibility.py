"""What axe-core, the usual checker of pages for people who see, hear or move otherwise, says of a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = frozenset({"critical", "serious"})


def grave_faults(page: Page) -> list[str]:
    """The page's critical and serious violations, each with the places where it is, but for colours."""
    # The contrast of its greys is the theme's.
    options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": False}}}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{page.url}: {fault['impact']} {fault['id']} at {[node['html'][:200] for node in fault['nodes']]}"
        for fault in found
        if fault["impact"] in GRAVE
    ]
