"""Pages of the admin ask the database as often for two thousand rows as for fifty, and page through all of them."""

import re
from datetime import UTC, datetime
from functools import partial

import pytest
from big_library import fill
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.urls import reverse
from portal.genres.models import Alias, Genre
from portal.ledger.models import WriteBatch
from portal.library.annotations import with_prediction
from portal.library.models import InPlex, Library, Track
from portal.pages.songs import search
from portal.pages.songs.song_list import SongPaginator
from portal.runs.models import Run
from portal.verdicts.models import Override, Prediction

FEW, MANY = 50, 2000


@pytest.fixture
def owner(genres: dict[str, int]) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("owner"))
    return client


def fill_every_table(rows: int) -> None:
    """So many rows of everything that has a list."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what was filled before is still to be checked
        cursor.execute("TRUNCATE library_library, library_audio, runs_run, ledger_writebatch CASCADE")
    for model in (Group, Alias, User.objects.exclude(username="owner")):
        getattr(model, "objects", model).all().delete()
    fill(rows, vectors=False)
    now, genre = datetime(2026, 1, 1, tzinfo=UTC), Genre.objects.get(name="Jazz")
    numbers = range(rows)
    Alias.objects.bulk_create(Alias(spelling=f"a{n}", normalised=f"a{n}", genre=genre) for n in numbers)
    Group.objects.bulk_create(Group(name=f"g{n}") for n in numbers)
    User.objects.bulk_create(User(username=f"u{n}") for n in numbers)
    WriteBatch.objects.bulk_create(WriteBatch(min_confidence=0.7) for _ in numbers)
    Library.objects.bulk_create(Library(server_id="s", key=f"l{n}", title=f"l{n}") for n in numbers)
    Run.objects.bulk_create(Run(kind="sync", state="done", finished_time=now) for _ in numbers)


def pages() -> dict[str, str]:
    """The address of every list of the admin, and of the pages that add things up."""
    lists = {
        str(model._meta.label): reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
    }
    song = lists["library.Track"]
    narrowed = {
        f"{song}{query}": f"{song}{query}" for query in ("?q=velvet", "?agreement=differs&o=5", "?o=-4.7")
    }
    change = {
        "a song": reverse("admin:library_track_change", args=(a_written_song(),)),
        "a batch": reverse("admin:ledger_writebatch_change", args=(1,)),
        "a run": reverse("admin:runs_run_change", args=(1,)),
    }
    return {**lists, **narrowed, **change, "the dashboard": reverse("admin:index")}


def a_written_song() -> int:
    """Its page has every part; one that was not written asks for less."""
    songs = Track.objects.filter(in_plex=InPlex.WRITTEN, removed_time=None, predictions__current=True)
    return songs.values_list("pk", flat=True)[0]


@pytest.mark.django_db
def test_no_page_asks_more_often_for_two_thousand_rows_than_for_fifty(owner, queries_of):
    def open_page(url: str) -> None:
        assert owner.get(url).status_code == 200, url

    def queries_by_page() -> dict[str, int]:
        return {name: queries_of(partial(open_page, url)) for name, url in pages().items()}

    fill_every_table(FEW)
    queries_by_page()  # what lasts as long as the process, such as Django's content types, is read here
    few = queries_by_page()
    fill_every_table(MANY)
    assert queries_by_page() == few


def listed(client: Client, query: str) -> list[str]:
    """Titles of the songs on a page of the list, in its order."""
    page = client.get(f"{reverse('admin:library_track_changelist')}?{query}").content.decode()
    return re.findall(r"/admin/library/track/(\d+)/change/", page)


@pytest.mark.django_db
@pytest.mark.parametrize("order", ["", "o=4", "o=-5", "o=7", "o=5.-6"])
def test_the_pages_of_the_list_have_every_song_once_in_one_order(owner, order):
    fill(230, vectors=False)
    seen: list[str] = []
    for page in range(1, 6):
        found = list(dict.fromkeys(listed(owner, f"p={page}&{order}")))
        assert found
        seen += found
    present = Track.objects.filter(removed_time=None).count()
    assert len(seen) == len(set(seen)) == present


@pytest.mark.django_db
def test_a_page_near_the_end_has_the_songs_that_counting_from_the_start_finds(genres):
    fill(230, vectors=False)
    tracks = Track.objects.order_by("title", "-pk")
    paginator = SongPaginator(tracks, 50)
    pages_of_songs = [[song.pk for song in paginator.page(number)] for number in paginator.page_range]
    assert [pk for page in pages_of_songs for pk in page] == list(tracks.values_list("pk", flat=True))
    assert [len(page) for page in pages_of_songs] == [50, 50, 50, 50, 30]


@pytest.mark.django_db
def test_songs_are_found_by_confidence_surest_first(owner):
    fill(120, vectors=False)
    ids = list(dict.fromkeys(listed(owner, "o=-5&analysis__exact=classified")))[:20]
    sure = [Prediction.objects.get(track_id=pk, current=True).confidence for pk in ids]
    assert sure == sorted(sure, reverse=True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ÄRZTE", 1),
        ("ärzte westerland", 1),
        ('"die ärzte"', 1),
        ('"ärzte die"', 0),
        ("100%", 1),
        ("10%", 0),
        ("a_b", 1),
        ("a-b", 0),
        ("musik/", 1),
        ("ΟΔΟΣ", 1),
        ("Westerland Jazz", 0),
        ('"', 0),
    ],
)
def test_a_search_finds_words_anywhere_in_any_case_and_takes_signs_for_what_they_are(owner, query, found):
    library = Library.objects.create(server_id="s", key="1", title="Music")
    Track.objects.create(
        library=library,
        rating_key="1",
        title="Westerland 100% a_b",
        artist="Die Ärzte",
        album="ΟΔΟΣ",
        file="/Musik/1",
    )
    Track.objects.create(library=library, rating_key="2", title="Another", artist="Somebody", file="/x/2")
    url = reverse("admin:library_track_changelist")
    page = owner.get(url, {"q": query}).content.decode()
    assert ("Westerland 100% a_b" in page) == bool(found)
    assert "Another" not in page


@pytest.mark.parametrize("typed", ["a " * 200, " ".join(f"word{number}" for number in range(200))])
def test_a_text_of_many_words_is_no_condition_for_each(genres, typed):
    assert str(search.found(Track.objects.all(), typed).query).count("LIKE") <= search.MOST_WORDS


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        "azucar",
        "AZÚCAR",
        "Azu\N{COMBINING ACUTE ACCENT}car",  # as a Mac names files
        "bjork",
        "motorhead strasse",
        "sigur ros",
        "Œuvre",
        "oeuvre",
        "lodz",
        "dont",
        "don't",
        "don\N{RIGHT SINGLE QUOTATION MARK}t",
        "ガガ",
        "οδος",
        "Reggaeton",
        "tropicalia",
        "synth",
        "k-pop",
        "K\N{HYPHEN}POP",
        "zweite",
    ],
)
def test_a_search_ignores_case_and_accents_and_looks_at_tags_genres_and_every_version(owner, genres, query):
    """The first song is what each search means; the second has nothing of it."""
    library = Library.objects.create(server_id="s", key="1", title="Music")
    song = Track.objects.create(
        library=library,
        rating_key="1",
        title="Azúcar – Straße nach Łódź, Don\N{RIGHT SINGLE QUOTATION MARK}t dont ガガ",
        artist="Björk, Sigur Rós & Moto\N{COMBINING DIAERESIS}rhead",
        album="Œuvre Ὀδός",
        file="/Musik/1",
        other_files=["/Musik/Zweite/1"],
        plex_genres=["Reggaetón"],
        file_genres=["Tropicália"],
    )
    other = Track.objects.create(
        library=library, rating_key="2", title="Another", artist="Somebody", file="/x/2"
    )
    for track, said in ((song, "Electronic"), (other, "Jazz")):
        Prediction.objects.create(
            track=track,
            genre_id=genres[said],
            confidence=0.9,
            model_version="m/1",
            deciding_stage=1,
            current=True,
        )
    Override.objects.create(track=song, genre_id=genres["K-Pop"])
    Genre.objects.filter(name="Electronic").update(name="Électronique Synth")
    found = list(search.found(with_prediction(Track.objects.all()), query).values_list("pk", flat=True))
    assert found == [song.pk]
    page = owner.get(reverse("admin:library_track_changelist"), {"q": query}).content.decode()
    assert f"/admin/library/track/{song.pk}/change/" in page
    assert f"/admin/library/track/{other.pk}/change/" not in page


@pytest.mark.django_db
def test_filters_and_orders_hold_of_the_songs_that_a_song_had_other_verdicts_before(owner):
    fill(120, vectors=False)
    jazz = Genre.objects.get(name="Jazz")
    Prediction.objects.bulk_create(
        Prediction(
            track_id=pk, genre=jazz, confidence=0.99, model_version="older/1", deciding_stage=1, current=False
        )
        for pk in range(1, 121)
    )
    Override.objects.all().delete()
    expected = Track.objects.filter(
        removed_time=None,
        predictions__current=True,
        predictions__genre=jazz,
        predictions__confidence__gte=0.9,
    )
    shown = set(listed(owner, f"genre={jazz.pk}&confidence=90"))
    assert {int(pk) for pk in shown} == set(expected.values_list("pk", flat=True))
