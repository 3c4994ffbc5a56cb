"""Pages of the admin over a large library: milliseconds on the server, warm, and queries."""

import statistics
import time

from benchmarks.support.big_database import SONGS, big_database
from benchmarks.support.targets import at_most

ROUNDS = 5
MOST_MILLISECONDS = 300
LIST = "/admin/library/track/"


def main() -> None:
    """Print a line for each page."""
    with big_database(vectors=False):
        print(f"pages of the admin, {SONGS:,} songs, median of {ROUNDS} on the server, warm")
        print(f"{'page':52}{'ms':>8}{'queries':>9}")
        slowest = max(_measure(name, url) for name, url in _pages().items())
        print(at_most("the slowest page of the admin", slowest, MOST_MILLISECONDS, "ms"))


def _pages() -> dict[str, str]:
    from portal.genres.models import Genre

    genre = Genre.objects.get(name="Jazz").pk
    middle, last = SONGS // 100, SONGS // 50 - 50  # some songs are gone from Plex, and not in the list
    return {
        "songs, first page": LIST,
        "songs, by genre": f"{LIST}?genre={genre}",
        "songs, by analysis": f"{LIST}?analysis__exact=out_of_distribution",
        "songs, by analysis (most)": f"{LIST}?analysis__exact=classified",
        "songs, by agreement": f"{LIST}?agreement=differs",
        "songs, by confidence": f"{LIST}?confidence=50",
        "songs, by state in Plex": f"{LIST}?in_plex__exact=written",
        "songs, wrong tags": f"{LIST}?suspected_label_error=yes",
        "songs, with an override": f"{LIST}?override=yes",
        "songs, gone from Plex": f"{LIST}?presence=gone",
        "songs, search of one word": f"{LIST}?q=velvet",
        "songs, search of two words": f"{LIST}?q=velvet+thunder",
        "songs, search that finds nothing": f"{LIST}?q=nothingofthename",
        "songs, search of a genre": f"{LIST}?q=jazz",
        "songs, search with an accent": f"{LIST}?q=v%C3%A9lvet",
        "songs, search in a genre": f"{LIST}?q=velvet&genre={genre}",
        "songs, by title": f"{LIST}?o=1",
        "songs, by genre shown": f"{LIST}?o=4",
        "songs, by confidence, least sure first": f"{LIST}?o=5",
        "songs, by confidence, surest first": f"{LIST}?o=-5",
        "songs, by tag": f"{LIST}?o=6",
        "songs, by agreement, sorted": f"{LIST}?o=7",
        "songs, by analysis, sorted": f"{LIST}?o=8",
        "songs, page in the middle": f"{LIST}?p={middle}",
        "songs, last page": f"{LIST}?p={last}",
        "songs, last page by confidence": f"{LIST}?p={last}&o=5",
        "one song": f"{LIST}500/change/",
        "dashboard": "/admin/",
        "libraries": "/admin/library/library/",
        "genres": "/admin/genres/genre/",
        "aliases": "/admin/genres/alias/",
        "runs": "/admin/runs/run/",
        "one run": "/admin/runs/run/30/change/",
        "write batches": "/admin/ledger/writebatch/",
        "one write batch": "/admin/ledger/writebatch/1/change/",
        "one write batch, last page": "/admin/ledger/writebatch/1/change/?p=99999",
    }


def _measure(name: str, url: str) -> float:
    """Milliseconds of a page; its queries are counted in a round of their own."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    user, _ = User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    client.force_login(user)
    with CaptureQueriesContext(connection) as queries:
        status = client.get(url).status_code
    count = len(queries)  # the next request begins the log anew
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        client.get(url)
        times.append(1000 * (time.perf_counter() - started))
    wrong = "" if status == 200 else f"  answered {status}"
    print(f"{name:52}{statistics.median(times):8.0f}{count:9}{wrong}", flush=True)
    return statistics.median(times)
