"""Addresses and forms that no page makes: whatever stands in them, the answer is a page that says so, never a fault."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import songs
from django.contrib import admin
from django.contrib.admin.utils import quote as quoted_key
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from portal.library.models import Track
from portal.pages.page_admin import ListAdmin
from portal.verdicts.models import Override

# Each database error would end the transaction in which a test usually runs.
pytestmark = [pytest.mark.misuse, pytest.mark.usefixtures("genres"), pytest.mark.django_db(transaction=True)]

NONSENSE = ("\0", "x", "9" * 30, "9" * 5000, "99999-01-01 25:61", "²")
OF_EVERY_LIST = ("q", "p", "o", "id__gt")
LISTS = [each.opts.label_lower for each in admin.site._registry.values()]
# Pages in place of lists, which read nothing of their address.
NO_LISTS = ("preferences.changedsetting", "registry.trainedmodel")


@pytest.fixture
def browser(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """An administrator's, to whom a fault is shown as it is."""
    admin_client.raise_request_exception = False
    return admin_client


def admin_of(name: str) -> Any:
    return next(each for each in admin.site._registry.values() if each.opts.label_lower == name)


def list_of(name: str) -> str:
    return reverse(f"admin:{name.replace('.', '_')}_changelist")


def as_administrator() -> Any:
    request = RequestFactory().get("/")
    request.user = User.objects.get(is_superuser=True)
    return request


def parameters(name: str) -> Iterator[str]:
    """Of every list, and of the filters of this one."""
    yield from OF_EVERY_LIST
    for each in admin_of(name).get_changelist_instance(as_administrator()).filter_specs:
        yield from each.expected_parameters()


def is_no_fault(answer: HttpResponse) -> bool:
    return answer.status_code < 500


def test_every_list_is_one_that_bears_nonsense() -> None:
    assert [name for name in LISTS if not isinstance(admin_of(name), ListAdmin)] == []


@pytest.mark.parametrize("name", [name for name in LISTS if name not in NO_LISTS])
def test_no_value_of_a_filter_is_a_fault(browser: Client, name: str) -> None:
    songs.make_batch(songs.make_classified_songs(2))
    asked = [(each, value) for each in parameters(name) for value in NONSENSE]
    bad = [each for each in asked if not is_no_fault(browser.get(f"{list_of(name)}?{urlencode([each])}"))]
    assert bad == []


LOOKUPS = ("range", "in", "len", "unaccent", "trigram_similar", "year", "regex", "0_1")


@pytest.mark.parametrize("name", ["library.track", "runs.run", "auth.user"])
def test_no_lookup_of_a_field_that_no_page_makes_is_a_fault(browser: Client, name: str) -> None:
    """Django takes any lookup of any field of a list from its address."""
    songs.make_batch(songs.make_classified_songs(2))
    one_of_each_kind = {type(each): each.name for each in admin_of(name).opts.concrete_fields}.values()
    asked = [
        (f"{field}__{lookup}", value)
        for field in one_of_each_kind
        for lookup in LOOKUPS
        for value in ("0", "9" * 30)
    ]
    bad = [each for each in asked if not is_no_fault(browser.get(f"{list_of(name)}?{urlencode([each])}"))]
    assert bad == []


@pytest.mark.parametrize("name", LISTS)
def test_no_key_of_an_object_is_a_fault(browser: Client, name: str) -> None:
    keys = [quote(quoted_key(value), safe="") for value in NONSENSE]
    pages = [f"{list_of(name)}{key}/{page}/" for key in keys for page in ("change", "delete", "history")]
    assert [page for page in pages if not is_no_fault(browser.get(page))] == []


@pytest.mark.parametrize("name", [name for name in LISTS if name not in ("runs.run", "ledger.writebatch")])
def test_no_forged_tick_of_an_action_is_a_fault_and_nothing_is_done(browser: Client, name: str) -> None:
    songs.make_classified_songs(2)
    for action in admin_of(name).get_actions(as_administrator()):
        for value in NONSENSE:
            answer = browser.post(list_of(name), {"action": action, "_selected_action": [value]})
            assert is_no_fault(answer), (action, value)
    assert (Track.objects.count(), Override.objects.count()) == (2, 0)


def test_a_forged_tick_is_answered_by_a_sentence(browser: Client) -> None:
    (song,) = songs.make_classified_songs(1)
    form = {"action": "exclude", "_selected_action": [song.pk, "x"]}
    before = song.in_plex
    assert "Nothing was done" in browser.post(list_of("library.track"), form, follow=True).content.decode()
    song.refresh_from_db()
    assert song.in_plex == before


@pytest.mark.parametrize("query", ["genre=" + "9" * 5000, "p=99", "id__gt=x", "e=1&id__gt=x"])
def test_what_a_list_cannot_be_asked_for_is_said_above_the_whole_list(browser: Client, query: str) -> None:
    songs.make_classified_songs(51)
    answer = browser.get(f"{list_of('library.track')}?{query}", follow=True)
    assert answer.status_code == 200
    assert answer.context["cl"].result_count == 51
    assert "The address asks for a list that cannot be shown" in answer.content.decode()


@pytest.mark.parametrize("value", NONSENSE)
def test_no_place_of_a_song_in_a_list_is_a_fault(browser: Client, value: str) -> None:
    (song,) = songs.make_classified_songs(1)
    page = f"{list_of('library.track')}{song.pk}/change/"
    for query in ({"_changelist_filters": urlencode({"genre": value, "q": value})},
                  {"_changelist_filters": "q=nothing", "_at": value}):  # fmt: skip
        assert browser.get(f"{page}?{urlencode(query)}").status_code in (200, 400)


@pytest.mark.parametrize("value", NONSENSE)
def test_no_page_of_its_own_takes_nonsense_for_a_fault(browser: Client, value: str) -> None:
    batch = songs.make_batch(songs.make_classified_songs(2))
    one = f"{list_of('ledger.writebatch')}{batch.pk}/change/"
    readiness, unmapped = (reverse(f"admin:genres_{page}") for page in ("genre_readiness", "alias_unmapped"))
    pages = {
        one: ("state", "p"),
        readiness: ("p",),
        unmapped: ("p",),
        reverse("admin:search"): ("s", "page"),
        reverse("admin:login"): ("next",),
        reverse("admin:index"): ("p",),
        f"{reverse('admin:autocomplete')}?app_label=genres&model_name=alias&field_name=genre": (
            "term",
            "page",
        ),
    }
    for page, names in pages.items():
        for name in names:
            asked = f"{page}{'&' if '?' in page else '?'}{urlencode({name: value})}"
            assert is_no_fault(browser.get(asked)), asked
    forms = {
        list_of("registry.trainedmodel"): ("promote", "roll_back"),
        list_of("preferences.changedsetting"): ("reset",),
        one: ("apply",),
        unmapped: ("tag", "ignore"),
    }
    for page, names in forms.items():
        for name in names:
            assert is_no_fault(browser.post(page, {name: value})), (page, name)


def test_a_nul_is_refused_wherever_it_stands_and_before_anything_reads_it(client: Client) -> None:
    for answer in (
        client.get("/admin/login/?next=%00"),
        client.get("/admin/login/?a%00=b"),
        client.post("/admin/login/", {"username": "a\0b", "password": "wrong"}),
    ):
        assert answer.status_code == 400
        assert "This cannot be understood" in answer.content.decode()
    assert client.get("/static/%00").status_code < 500


@pytest.mark.parametrize(
    "page", ["/admin/login/", "/admin/", "/admin/library/track/", "/metrics", "/nowhere"]
)
@pytest.mark.parametrize("name", ["sessionid", "messages", "csrftoken", "other"])
def test_a_cookie_with_a_nul_is_as_none(page: str, name: str) -> None:
    """Written as an octal number in quotation marks, it would come to the database as the key of a session."""
    stranger = Client(raise_request_exception=False, headers={"cookie": f'{name}="\\000{"a" * 31}"; a=b'})
    assert stranger.get(page).status_code == Client().get(page).status_code < 500
    assert is_no_fault(stranger.post(page))


@pytest.mark.parametrize("value", [*NONSENSE, "-1", "0", "99"])
def test_no_page_of_the_themes_search_is_a_fault(browser: Client, value: str) -> None:
    songs.make_classified_songs(1)
    for extended in ("", "1"):
        asked = {"s": "Song", "page": value, "extended": extended}
        assert is_no_fault(browser.get(f"/admin/search/?{urlencode(asked)}"))
    assert browser.get("/admin/search/?s=Song").status_code == 200
