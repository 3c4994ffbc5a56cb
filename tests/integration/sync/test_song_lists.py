"""Playlists and collections, made by real plexapi in the stand-in and read through the service."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import requests
from plex_stand_in import MUSIC, TOKEN, Control
from plexapi.server import PlexServer
from reclass.sync.v1 import sync_pb2 as pb
from reclass.sync.v1 import sync_pb2_grpc
from runtime.errors import RemoteError

Sync = sync_pb2_grpc.SyncServiceStub


@pytest.fixture
def plex(control: Control) -> Iterator[Any]:
    session = requests.Session()
    yield PlexServer(control.stand_in.url, TOKEN, session=session, timeout=2)
    session.close()


def tracks(plex: Any, *keys: int) -> list[Any]:
    return list(plex.fetchItems(list(keys)))


def members(sync: Sync, **request: Any) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        page = sync.ListMembers(pb.ListMembersRequest(page_token=token, **request))
        found += [track.rating_key for track in page.tracks]
        token = page.next_page_token
        if not token:
            return found


def test_plexapi_makes_reads_grows_and_deletes_lists_of_the_stand_in(plex: Any) -> None:
    section = plex.library.section("Music")
    playlist = plex.createPlaylist("Road", items=tracks(plex, 1001, 1003))
    collection = section.createCollection("K-Pop", items=tracks(plex, 1002))

    assert [track.ratingKey for track in plex.playlist("Road").items()] == [1001, 1003]
    assert [track.ratingKey for track in section.collections()[0].items()] == [1002]
    playlist.addItems(tracks(plex, 1004))
    assert [track.ratingKey for track in plex.playlist("Road").items()] == [1001, 1003, 1004]
    collection.delete()
    assert section.collections() == []


def test_playlists_are_listed_with_their_counts_and_read_page_by_page(sync: Sync, plex: Any) -> None:
    plex.createPlaylist("Road", items=tracks(plex, 1001, 1003, 1005))
    plex.createPlaylist("Home", items=tracks(plex, 1002))

    listed = sync.ListPlaylists(pb.ListPlaylistsRequest()).playlists
    assert [(each.title, each.entry_count, each.smart) for each in listed] == [
        ("Road", 3, False),
        ("Home", 1, False),
    ]
    first = sync.ListPlaylists(pb.ListPlaylistsRequest(page_size=1))
    rest = sync.ListPlaylists(pb.ListPlaylistsRequest(page_size=1, page_token=first.next_page_token))
    assert [each.title for page in (first, rest) for each in page.playlists] == ["Road", "Home"]
    for page_size in (1, 2, 1000):
        assert members(sync, playlist_key=listed[0].key, page_size=page_size) == ["1001", "1003", "1005"]


def test_a_collection_of_albums_or_artists_stands_for_their_tracks(sync: Sync, plex: Any) -> None:
    section = plex.library.section("Music")
    section.createCollection("Songs", items=tracks(plex, 1002))
    album = next(each for each in section.searchAlbums() if each.title == "The Album")
    section.createCollection("Albums", items=[album])
    section.createCollection("Artists", items=[a for a in section.all() if a.title == "The Band"])

    listed = sync.ListCollections(pb.ListCollectionsRequest(library_key=MUSIC)).collections
    keys = {each.title: each.key for each in listed}
    assert members(sync, collection_key=keys["Songs"]) == ["1002"]
    of_album = [str(t.ratingKey) for t in section.searchTracks() if t.parentTitle == album.title]
    assert sorted(members(sync, collection_key=keys["Albums"])) == sorted(of_album)
    assert len(of_album) == 25
    of_artist = [str(t.ratingKey) for t in section.searchTracks() if t.grandparentTitle == "The Band"]
    assert sorted(members(sync, collection_key=keys["Artists"])) == sorted(of_artist)
    assert len(of_artist) > 25


def refused(sync: Sync, **request: Any) -> RemoteError:
    with pytest.raises(grpc.RpcError) as caught:
        sync.ListMembers(pb.ListMembersRequest(**request))
    return RemoteError.from_rpc(caught.value)


def test_a_list_that_went_is_not_found_and_a_made_up_key_or_token_is_refused(sync: Sync, plex: Any) -> None:
    playlist = plex.createPlaylist("Road", items=tracks(plex, 1001))
    key = str(playlist.ratingKey)

    assert refused(sync, collection_key=key).reason == "SONG_LIST_NOT_FOUND"
    playlist.delete()
    gone = refused(sync, playlist_key=key)
    assert (gone.reason, gone.code, gone.permanent) == (
        "SONG_LIST_NOT_FOUND",
        grpc.StatusCode.NOT_FOUND,
        True,
    )
    assert refused(sync, playlist_key="../metadata/1001").reason == "INVALID_REQUEST"
    assert refused(sync, playlist_key=key, page_token="made up").reason == "INVALID_REQUEST"
    with pytest.raises(grpc.RpcError) as caught:
        sync.ListCollections(pb.ListCollectionsRequest(library_key="1"))
    assert RemoteError.from_rpc(caught.value).reason == "LIBRARY_NOT_FOUND"


def lists_of(sync: Sync) -> dict[str, pb.SongList]:
    return {each.title: each for each in sync.ListPlaylists(pb.ListPlaylistsRequest()).playlists}


def identity(guid: str = "", title: str = "") -> pb.SongListIdentity:
    return pb.SongListIdentity(guid=guid, title=title)


def test_lists_have_the_guids_that_plexapi_sees_and_their_members_come_with_what_tells_them_apart(
    sync: Sync, plex: Any
) -> None:
    section = plex.library.section("Music")
    playlist = plex.createPlaylist("Road", items=tracks(plex, 1001, 1003))
    collection = section.createCollection("K-Pop", items=tracks(plex, 1002))
    assert playlist.guid.startswith("com.plexapp.agents.none://")
    assert collection.guid.startswith("collection://")

    [listed] = sync.ListCollections(pb.ListCollectionsRequest(library_key=MUSIC)).collections
    assert (lists_of(sync)["Road"].guid, listed.guid) == (playlist.guid, collection.guid)
    page = sync.ListMembers(pb.ListMembersRequest(playlist_key=str(playlist.ratingKey)))
    assert page.song_list == lists_of(sync)["Road"]
    assert [(each.rating_key, each.guid, each.parts[0].file, each.library_key) for each in page.tracks] == [
        (str(each.ratingKey), each.guid, each.locations[0], MUSIC) for each in tracks(plex, 1001, 1003)
    ]
    page = sync.ListMembers(pb.ListMembersRequest(collection_key=str(collection.ratingKey)))
    assert (page.song_list, page.tracks[0].library_key) == (listed, MUSIC)


def test_of_a_key_that_went_to_another_list_nothing_is_read_and_the_sentence_names_both(
    sync: Sync, plex: Any, control: Control
) -> None:
    section = plex.library.section("Music")
    plex.createPlaylist("Road", items=tracks(plex, 1001))
    plex.createPlaylist("Home", items=tracks(plex, 1002))
    collections = [section.createCollection(title, items=tracks(plex, 1003)) for title in ("One", "Two")]
    road, home = (lists_of(sync)[title] for title in ("Road", "Home"))
    expected = identity(road.guid, road.title)
    assert members(sync, playlist_key=road.key, expected=expected) == ["1001"]
    one, two = (each.ratingKey for each in collections)
    keys = {road.key: int(home.key), home.key: int(road.key), str(one): two, str(two): one}
    control.ask("POST", "song-lists", {"keys": keys})

    error = refused(sync, playlist_key=road.key, expected=expected)
    assert (error.reason, error.code, error.permanent) == (
        "ANOTHER_SONG_LIST", grpc.StatusCode.FAILED_PRECONDITION, True,
    )  # fmt: skip
    assert "“Home”" in error.message
    assert "look for “Road” among the playlists" in error.message
    assert members(sync, playlist_key=home.key, expected=expected) == ["1001"]
    of_collection = identity(collections[0].guid, "One")
    assert refused(sync, collection_key=str(one), expected=of_collection).reason == "ANOTHER_SONG_LIST"
    assert members(sync, collection_key=str(two), expected=of_collection) == ["1003"]


def test_a_list_that_was_renamed_is_the_same_and_without_a_guid_the_title_decides(
    sync: Sync, plex: Any, control: Control
) -> None:
    plex.createPlaylist("Road", items=tracks(plex, 1001))
    road = lists_of(sync)["Road"]
    control.ask("POST", "song-lists", {"titles": {road.key: "Streets"}})
    assert members(sync, playlist_key=road.key, expected=identity(road.guid, "Road")) == ["1001"]
    assert refused(sync, playlist_key=road.key, expected=identity(title="Road")).reason == "ANOTHER_SONG_LIST"
    control.behave(list_guids=False)
    assert lists_of(sync)["Streets"].guid == ""
    for guid in ("", road.guid):
        another = refused(sync, playlist_key=road.key, expected=identity(guid, "Road"))
        assert another.reason == "ANOTHER_SONG_LIST"
        assert members(sync, playlist_key=road.key, expected=identity(guid, "streets")) == ["1001"]
