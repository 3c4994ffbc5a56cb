"""A song's page keeps the list that a person came from: the way back, and the songs before and after it there."""

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import songs
from django.test import Client
from portal.genres.models import Genre
from portal.library.models import Track
from portal.verdicts.models import Override

pytestmark = pytest.mark.usefixtures("genres")
LIST = "/admin/library/track/"
PER_PAGE = 50


def first_of(client: Client, query: str = "") -> str:
    """The address that the list's first row leads to."""
    html = client.get(f"{LIST}{query}").content.decode()
    found = re.search(r'<th[^>]*class="[^"]*field-named.*?href="([^"]+)"', html, re.DOTALL)
    assert found, html
    return unescape(found[1])


def links(client: Client, address: str) -> dict[str, str]:
    """Where the page's way leads: back, prev and next."""
    html = client.get(address).content.decode()
    found = {rel: unescape(href) for rel, href in re.findall(r'rel="(prev|next)" href="([^"]+)"', html)}
    back = re.search(r'href="([^"]+)"[^>]*><span[^>]*>arrow_back</span>Back to the list', html)
    return found | ({"back": unescape(back[1])} if back else {})


def walk(client: Client, address: str, rel: str, most: int = 100) -> list[str]:
    """The paths of the songs from here on, by this link; at most so many."""
    seen: list[str] = []
    while address and len(seen) < most:
        seen.append(urlsplit(address).path)
        address = links(client, address).get(rel, "")
    return seen


def paths(tracks: list[Track]) -> list[str]:
    return [f"{LIST}{track.pk}/change/" for track in tracks]


def test_next_leads_through_the_whole_filtered_list_over_its_pages_and_previous_back(
    admin_client: Client,
) -> None:
    library = songs.make_library()
    made = [songs.make_song(library, number, title=f"Song {number:03}") for number in range(PER_PAGE + 3)]
    for number in range(900, 905):
        songs.make_song(library, number, title=f"Other {number}")
    query = "?q=Song&o=-1"
    there = paths(made)[::-1]
    assert walk(admin_client, first_of(admin_client, query), "next", 4) == there[:4]
    near_the_end = f"{there[PER_PAGE - 3]}?_changelist_filters=q%3DSong%26o%3D-1"
    assert walk(admin_client, near_the_end, "next") == there[PER_PAGE - 3 :]
    last = f"{there[-1]}?_changelist_filters=q%3DSong%26o%3D-1%26p%3D2"
    assert links(admin_client, last)["back"] == f"{LIST}?q=Song&o=-1&p=2"
    assert walk(admin_client, last, "prev", 7) == there[:-8:-1]
    second = f"{there[1]}?_changelist_filters=q%3DSong%26o%3D-1"
    assert walk(admin_client, second, "prev") == there[1::-1]
    assert links(admin_client, f"{there[0]}?_changelist_filters=p%3D99") == {"back": LIST}


def test_a_list_without_a_filter_has_its_order_too_and_a_song_reached_from_elsewhere_no_list(
    admin_client: Client,
) -> None:
    made = songs.make_classified_songs(3)
    assert len(walk(admin_client, first_of(admin_client), "next")) == 3
    assert links(admin_client, paths(made)[0]) == {}


def test_a_song_that_its_decision_takes_out_of_the_filter_keeps_its_place_there(admin_client: Client) -> None:
    songs.make_classified_songs(9)
    Track.objects.filter(pk__in=[each.pk for each in Track.objects.all()[:4]]).update(in_plex="untouched")
    folk = Genre.objects.get(name="Folk")
    query = "?override=no"
    way = walk(admin_client, first_of(admin_client, query), "next")
    assert len(way) == 9
    second = links(admin_client, first_of(admin_client, query))["next"]
    answer = admin_client.post(second, {"genre": folk.pk, "note": "", "save": ""})
    assert Override.objects.count() == 1
    assert urlsplit(answer["Location"]).path == way[1]
    assert "no longer in the list of 8" in admin_client.get(answer["Location"]).content.decode()
    found = links(admin_client, answer["Location"])
    assert [urlsplit(found[name]).path for name in ("prev", "next")] == [way[0], way[2]]
    assert parse_qs(urlsplit(found["back"]).query)["override"] == ["no"]
    # And by one button, without a look at what was saved.
    answer = admin_client.post(found["next"], {"genre": folk.pk, "note": "", "next": ""})
    assert urlsplit(answer["Location"]).path == way[3]
    assert Override.objects.count() == 2


def test_a_list_that_cannot_be_made_any_more_leads_to_all_songs(admin_client: Client) -> None:
    (track,) = songs.make_classified_songs(1)
    address = f"{paths([track])[0]}?_changelist_filters="
    assert links(admin_client, f"{address}tag_genre__description%3Dx") == {"back": LIST}
    assert links(admin_client, f"{address}p%3D99") == {"back": f"{LIST}?p=99"}


def test_the_place_of_a_song_costs_as_many_queries_in_a_long_list_as_in_a_short_one(
    admin_client: Client, queries_of: Callable[[Callable[[], object]], int]
) -> None:
    library = songs.make_library()
    made = [songs.make_song(library, number) for number in range(3)]

    def look() -> None:
        admin_client.get(f"{paths(made)[1]}?_changelist_filters=p%3D1")

    short = queries_of(look)
    for number in range(3, 30):
        songs.make_song(library, number)
    assert queries_of(look) == short
