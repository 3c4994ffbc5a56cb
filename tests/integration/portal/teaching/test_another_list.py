"""Taught sets on a server that was made anew, or on another one: a key is neither a list nor a song."""

import html
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings
from plex_stand_in import TOKEN, Control
from plexapi.server import PlexServer
from portal.configuration import PortalSettings
from portal.genres.models import Genre
from portal.labels.precedence import song_labels
from portal.library.models import Library, Track
from portal.orchestration.start import start_extract, start_sync, start_train
from portal.teaching.models import TaughtSet
from portal.teaching.results import taught_songs
from portal.training.readiness import survey_genres
from reclass.inference.v1 import inference_pb2
from stand_in_services import FeaturesStandIn
from standalone.plex_stand_in.catalogue import Catalogue, StandInLibrary, StandInTrack
from standalone.plex_stand_in.server import running_stand_in

SETS = "/admin/teaching/taughtset/"
ELSEWHERE = "0000000000000000000000000000000000elsewhere"


def synced(portal: Any) -> Any:
    run = portal.finish(start_sync(["Music"]))
    assert run.state == run.State.DONE, run.message
    return run


def page(client: Any, address: str = "/admin/") -> str:
    return html.unescape(client.get(address, follow=True).content.decode())


def teach(client: Any, genre: str, song_list: Any) -> str:
    choice = f"{song_list.type} {song_list.ratingKey} {song_list.guid or song_list.title}"
    fields = {"genre": Genre.objects.get(name=genre).pk, "plex_list": choice}
    said = client.post(f"{SETS}add/", fields, follow=True)
    return html.unescape(said.content.decode())


def read_again(client: Any) -> str:
    fields = {
        "action": "read_sets_again",
        "_selected_action": list(TaughtSet.objects.values_list("pk", flat=True)),
    }
    return html.unescape(client.post(SETS, fields, follow=True).content.decode())


def set_of(genre: str) -> TaughtSet:
    return TaughtSet.objects.get(genre__name=genre)


def titles_of(genre: str) -> set[str]:
    return set(Track.objects.filter(taught__taught_set__genre__name=genre).values_list("title", flat=True))


def learned() -> dict[str, set[str]]:
    """Keys of the songs that count for a genre because of a set."""
    keys = dict(Track.objects.values_list("pk", "rating_key"))
    found: dict[str, set[str]] = {}
    for pk, label in song_labels(keys).items():
        if label.source == "taught":
            found.setdefault(label.genre, set()).add(keys[pk])
    return found


def swap(portal: Any, one: Any, other: Any) -> None:
    keys = {str(one.ratingKey): other.ratingKey, str(other.ratingKey): one.ratingKey}
    portal.plex.ask("POST", "song-lists", {"keys": keys})


def replace_by(portal: Any, gone: Any, other: Any) -> dict[str, Any]:
    """A server made anew without a list, whose key went to another one; the list, for the day when it is back."""
    kept = asdict(portal.plex.stand_in.world.song_lists.get(gone.ratingKey, playlist=gone.type == "playlist"))
    gone.delete()
    portal.plex.ask("POST", "song-lists", {"keys": {str(other.ratingKey): gone.ratingKey}})
    return kept


def test_a_set_whose_key_went_to_another_playlist_teaches_nothing_until_its_own_is_back(
    portal, plex, admin_client
):
    seoul = plex.createPlaylist("Seoul", items=plex.fetchItems([1001, 1002]))
    openings = plex.createPlaylist("Openings", items=plex.fetchItems([1003]))
    road = plex.createPlaylist("Road", items=plex.fetchItems([1004]))
    synced(portal)
    for genre, each in (("K-Pop", seoul), ("Folk", road)):
        teach(admin_client, genre, each)
    assert set_of("K-Pop").list_guid == seoul.guid
    kept = replace_by(portal, seoul, openings)

    run = synced(portal)

    assert "K-Pop: plex playlist Seoul is suspended, and nothing is learned from it" in run.message
    kpop = set_of("K-Pop")
    assert kpop.suspended_time is not None
    assert kpop.songs.count() == 2, "they are kept"
    assert learned() == {"Folk": {"1004"}}
    assert taught_songs(kpop.genre) == 0
    counted = {each.genre: each.taught for each in survey_genres().genres}
    assert (counted["K-Pop"], counted["Folk"]) == (0, 1)
    for address in (SETS, f"{SETS}{kpop.pk}/change/", "/admin/"):
        said = page(admin_client, address)
        assert "suspended" in said
        assert "Plex has “Openings” there now, and not “Seoul”" in said
        assert "teach K-Pop from the new one and delete this set" in said
    told = "The taught set K-Pop: plex playlist Seoul is suspended, and nothing is learned from it"
    assert told in page(admin_client)

    portal.plex.ask("POST", "song-lists", {"put": [kept | {"rating_key": seoul.ratingKey + 50}]})
    run = synced(portal)

    assert "suspended" not in run.message
    kpop = set_of("K-Pop")
    assert (kpop.suspended_time, kpop.trouble, kpop.list_key) == (None, "", str(seoul.ratingKey + 50))
    assert learned() == {"K-Pop": {"1001", "1002"}, "Folk": {"1004"}}
    assert told not in page(admin_client)


def test_lists_whose_keys_were_exchanged_are_followed_each_by_its_guid(portal, plex, admin_client):
    section = plex.library.section("Music")
    playlists = [
        plex.createPlaylist(title, items=plex.fetchItems(keys))
        for title, keys in (("Seoul", [1001, 1002]), ("Road", [1004]))
    ]
    collections = [
        section.createCollection(title, items=plex.fetchItems(keys))
        for title, keys in (("Openings", [1003]), ("Blue", [1005, 1006]))
    ]
    synced(portal)
    lists = dict(zip(("K-Pop", "Folk", "Anime", "Blues"), (*playlists, *collections), strict=True))
    for genre, each in lists.items():
        teach(admin_client, genre, each)
    right = {"K-Pop": {"1001", "1002"}, "Folk": {"1004"}, "Anime": {"1003"}, "Blues": {"1005", "1006"}}
    assert learned() == right
    swap(portal, *playlists)
    swap(portal, *collections)

    run = synced(portal)

    assert "suspended" not in run.message
    assert learned() == right
    assert set_of("K-Pop").list_key == str(playlists[1].ratingKey)
    assert set_of("Anime").list_key == str(collections[1].ratingKey)


def test_a_list_that_went_from_its_key_while_somebody_looked_at_the_form_is_not_taught(
    portal, plex, admin_client
):
    seoul = plex.createPlaylist("Seoul", items=plex.fetchItems([1001]))
    road = plex.createPlaylist("Road", items=plex.fetchItems([1002]))
    synced(portal)
    swap(portal, seoul, road)
    assert "Select a valid choice" in teach(admin_client, "K-Pop", seoul)
    assert not TaughtSet.objects.exists()


def test_a_list_that_is_renamed_goes_on_under_its_new_title(portal, plex, admin_client):
    seoul = plex.createPlaylist("Seoul", items=plex.fetchItems([1001]))
    synced(portal)
    teach(admin_client, "K-Pop", seoul)
    portal.plex.ask("POST", "song-lists", {"titles": {str(seoul.ratingKey): "Busan"}})
    seoul.addItems(plex.fetchItems([1002]))
    synced(portal)
    assert (set_of("K-Pop").title, learned()) == ("Busan", {"K-Pop": {"1001", "1002"}})


def test_where_plex_gives_no_guid_the_title_decides_and_a_guid_is_learned_once_there_is_one(
    portal, plex, admin_client
):
    portal.plex.behave(list_guids=False)
    seoul = plex.createPlaylist("Seoul", items=plex.fetchItems([1001]))
    road = plex.createPlaylist("Road", items=plex.fetchItems([1002]))
    synced(portal)
    teach(admin_client, "K-Pop", seoul)
    assert set_of("K-Pop").list_guid == ""
    swap(portal, seoul, road)
    synced(portal)
    assert (set_of("K-Pop").suspended_time is None, learned()) == (False, {})

    swap(portal, seoul, road)
    portal.plex.behave(list_guids=True)
    synced(portal)
    assert (set_of("K-Pop").list_guid, learned()) == (seoul.guid or seoul.reload().guid, {"K-Pop": {"1001"}})


def test_a_list_of_another_server_is_not_read_by_its_key_and_goes_on_when_its_own_server_is_back(
    portal, plex, admin_client
):
    seoul = plex.createPlaylist("Seoul", items=plex.fetchItems([1001, 1002]))
    synced(portal)
    teach(admin_client, "K-Pop", seoul)
    first = Library.objects.get().server_id
    portal.plex.ask("POST", "server", {"machine_identifier": ELSEWHERE})
    seoul.addItems(plex.fetchItems([1003]))

    run = synced(portal)

    assert "“Seoul” is a list of another Plex server than “Stand-in for Plex”" in run.message
    assert learned() == {}
    assert set_of("K-Pop").songs.count() == 2
    said = teach(admin_client, "K-Pop", seoul)
    assert "K-Pop is taught by 3 songs" in said, "the same key and title on this server are another list"
    here, there = TaughtSet.objects.get(server_id=ELSEWHERE), TaughtSet.objects.get(server_id=first)
    assert set(here.songs.values_list("track__library__server_id", flat=True)) == {ELSEWHERE}
    assert (here.suspended_time, there.suspended_time is None) == (None, False)

    portal.plex.ask("POST", "server", {"machine_identifier": first})
    synced(portal)
    here.refresh_from_db()
    there.refresh_from_db()
    assert (here.suspended_time is None, there.suspended_time, there.songs.count()) == (False, None, 3)


def test_a_song_that_was_given_a_key_of_another_is_not_taken_for_it_and_is_learned_after_the_sync(
    portal, plex, admin_client
):
    seoul = plex.createPlaylist("Seoul", items=plex.fetchItems([1001]))
    synced(portal)
    teach(admin_client, "K-Pop", seoul)
    before = Track.objects.get(rating_key="1005").title
    new = {
        "title": "New",
        "artist": "A",
        "album_artist": "A",
        "file": "/music/new.mp3",
        "guid": "plex://track/new",
    }
    portal.plex.ask("POST", "changes", {"put": {"2": [{"rating_key": 1005, **new}]}})
    seoul.addItems(plex.fetchItems([1005]))

    said = read_again(admin_client)

    assert "was read in part: 1 track in it is not known here as Plex has them now" in said
    assert before not in titles_of("K-Pop")
    assert len(titles_of("K-Pop")) == 1, "none is lost meanwhile"
    run = synced(portal)
    assert "in part" not in run.message
    assert "New" in titles_of("K-Pop")
    assert set_of("K-Pop").trouble == ""


@pytest.fixture
def renumbered(
    portal_of: Callable[..., AbstractContextManager[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Any, Any]]:
    """A portal and plexapi before twelve songs, each with a file and a guid of its own."""
    songs = tuple(
        StandInTrack(
            rating_key=key,
            title=f"Song {key}",
            file=f"/music/{key}.mp3",
            artist="A band",
            album_artist="A band",
            guid=f"plex://track/{key:024x}",
            duration_seconds=100.0 + key,
            size_bytes=1_000_000 + key,
            modified_time=1_500_000_000 + key,
        )
        for key in range(1, 13)
    )
    library = StandInLibrary(key=2, title="Music", tracks=songs)
    with (
        running_stand_in(Catalogue(libraries=(library,)), tmp_path, token=TOKEN) as stand_in,
        portal_of(Control(stand_in=stand_in), FeaturesStandIn()) as portal,
        requests.Session() as session,
    ):
        monkeypatch.setattr(settings, "RECLASS", PortalSettings(sync_target=portal.target))
        yield portal, PlexServer(stand_in.url, TOKEN, session=session, timeout=5)


def renumber(portal: Any) -> None:
    """Each song gets the key of the one five behind it."""
    keys = {key: (key + 4) % 12 + 1 for key in range(1, 13)}
    portal.plex.ask("POST", "renumber", {"keys": keys})


def test_songs_that_were_renumbered_since_the_sync_stay_themselves_in_a_set_that_is_read_before_the_next(
    renumbered, admin_client
):
    portal, plex = renumbered
    seoul = plex.createPlaylist("Seoul", items=plex.fetchItems([1, 2, 3]))
    synced(portal)
    portal.finish(start_extract())
    teach(admin_client, "K-Pop", seoul)
    renumber(portal)

    assert "3 songs" in read_again(admin_client)
    assert titles_of("K-Pop") == {"Song 1", "Song 2", "Song 3"}
    portal.finish(start_train())
    taught = [song for song in portal.inference.taught if song.source == inference_pb2.LABEL_SOURCE_TAUGHT]
    songs = Track.objects.in_bulk([int(song.song_id) for song in taught])
    assert {each.title for each in songs.values()} == {"Song 1", "Song 2", "Song 3"}
    synced(portal)
    assert titles_of("K-Pop") == {"Song 1", "Song 2", "Song 3"}


def test_on_a_server_with_other_keys_and_other_folders_songs_are_known_by_their_guids(
    renumbered, admin_client
):
    portal, plex = renumbered
    seoul = plex.createPlaylist("Seoul", items=plex.fetchItems([1, 2]))
    synced(portal)
    teach(admin_client, "K-Pop", seoul)
    renumber(portal)
    world = portal.plex.stand_in.world
    moved = [
        {
            **{name: getattr(each, name) for name in each.__slots__},
            "file": each.file.replace("/music", "/mnt"),
        }
        for each in world.songs_of(2)
    ]
    portal.plex.ask("POST", "changes", {"put": {"2": moved}})

    assert "2 songs" in read_again(admin_client)
    assert titles_of("K-Pop") == {"Song 1", "Song 2"}
