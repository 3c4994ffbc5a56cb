"""The stand-in before real plexapi, and what it keeps over a restart."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from plex_stand_in import AUDIO, MUSIC, ODD, TOKEN, Control, odd_tracks, plain_tracks
from plexapi.exceptions import BadRequest, NotFound, Unauthorized
from plexapi.server import PlexServer
from standalone.plex_stand_in.catalogue import Catalogue, StandInLibrary, music_and_films
from standalone.plex_stand_in.server import running_stand_in
from standalone.plex_stand_in.song_lists import SongLists

FIRST, LAST = 1001, 1025
START_SECONDS = 20


@pytest.fixture
def plex(control: Control) -> Iterator[Any]:
    session = requests.Session()
    yield PlexServer(control.stand_in.url, TOKEN, session=session, timeout=2)
    session.close()


@pytest.fixture
def section(plex: Any) -> Any:
    return plex.library.section("Music")


def genres(track: Any) -> list[str]:
    return [genre.tag for genre in track.reload().genres]


def test_plexapi_finds_two_music_libraries_and_one_of_films(plex: Any) -> None:
    found = [(each.title, type(each).__name__) for each in plex.library.sections()]

    assert found == [("Films", "MovieSection"), ("Music", "MusicSection"), ("Audiobooks", "MusicSection")]
    assert [film.title for film in plex.library.section("Films").all()] == ["Metropolis"]


def test_all_of_a_music_library_is_its_artists_and_so_is_its_total_size(section: Any) -> None:
    artists = section.all()

    assert {type(artist).__name__ for artist in artists} == {"Artist"}
    assert section.totalSize == len(artists) < section.totalViewSize(libtype="track")


def test_plexapi_lists_every_track_page_by_page(section: Any) -> None:
    tracks = section.searchTracks(container_size=10)

    assert (
        len({track.ratingKey for track in tracks}) == section.totalViewSize(libtype="track") == 25 + len(ODD)
    )
    assert {type(track).__name__ for track in tracks} == {"Track"}


def test_plexapi_does_not_notice_a_short_page_which_is_why_sync_counts(
    section: Any, control: Control
) -> None:
    control.fail("short_page", rows=3, path=f"/library/sections/{MUSIC}/all")

    assert len(section.searchTracks(container_size=10)) == 25 + len(ODD) - 3


@pytest.mark.parametrize(("shown", "count"), [("none", 0), ("two", 2), ("all", 3)])
def test_a_listing_shows_as_many_genres_as_it_is_told_to(
    section: Any, control: Control, shown: str, count: int
) -> None:
    control.behave(listing_genres=shown)
    track = next(track for track in section.searchTracks() if track.ratingKey == FIRST)
    track._autoReload = False

    assert len(track.genres) == count
    assert len(genres(track)) == 3


def test_fetching_several_tracks_leaves_out_the_missing_and_none_at_all_is_not_found(plex: Any) -> None:
    assert [track.ratingKey for track in plex.fetchItems([FIRST, 4711, LAST])] == [FIRST, LAST]
    with pytest.raises(NotFound):
        plex.fetchItems([4711])


def test_plexapi_adds_and_removes_genres_and_locks_them(plex: Any, control: Control) -> None:
    track = plex.fetchItem(FIRST).reload()

    track.addGenre(["Post-Punk", "Drum & Bass, UK"])
    assert genres(track) == ["Rock", "Pop", "Soundtrack", "Post-Punk", "Drum & Bass, UK"]
    assert track.isLocked("genre")

    track.removeGenre(["Rock", "Drum & Bass, UK"], locked=False)
    assert genres(track) == ["Pop", "Soundtrack", "Post-Punk"]
    assert not track.isLocked("genre")


def test_a_partial_track_s_added_genre_destroys_the_others_on_a_server_that_replaces(
    section: Any, control: Control
) -> None:
    control.behave(edit_mode="replace", listing_genres="two")
    track = next(track for track in section.searchTracks() if track.ratingKey == FIRST)
    track._autoReload = False

    track.addGenre("New")

    assert genres(track) == ["Rock", "Pop", "New"]


def test_an_edit_of_many_tracks_is_recorded_for_each_with_its_state_before_and_after(
    section: Any, control: Control
) -> None:
    tracks = [track for track in section.searchTracks() if track.ratingKey in (FIRST, LAST)]

    section.batchMultiEdits(tracks).addGenre("Both").saveMultiEdits()

    old = ["Rock", "Pop", "Soundtrack"]
    seen = [(edit["source"], edit["before"], edit["after"]) for edit in control.edits()]
    assert (
        seen == [("edit", {"genres": old, "locked": False}, {"genres": [*old, "Both"], "locked": True})] * 2
    )
    assert {edit["rating_key"] for edit in control.edits()} == {FIRST, LAST}


def test_unlocking_a_field_without_an_id_unlocks_the_whole_library(section: Any, control: Control) -> None:
    control.ask("PUT", f"tracks/{FIRST}/genres", {"genres": ["A"], "locked": True})

    section.unlockAllField("genre", "track")

    assert control.state(FIRST) == (["A"], False)


def test_a_refresh_of_the_library_drops_genres_that_are_not_locked(
    section: Any, plex: Any, control: Control
) -> None:
    control.ask("PUT", f"tracks/{FIRST}/genres", {"genres": ["Kept"], "locked": True})

    plex.query(f"/library/sections/{MUSIC}/refresh?force=1")

    assert control.state(FIRST) == (["Kept"], True)
    assert control.state(LAST) == ([], False)


def test_plexapi_downloads_the_real_bytes_and_a_range_of_them(
    plex: Any, tmp_path: Path, control: Control
) -> None:
    track = plex.fetchItem(FIRST)
    (path,) = track.download(str(tmp_path))
    assert Path(path).read_bytes() == AUDIO

    url = control.stand_in.url + track.media[0].parts[0].key
    headers = {"X-Plex-Token": TOKEN, "Range": "bytes=10-19"}
    answer = requests.get(url, headers=headers, timeout=2)

    assert (answer.status_code, answer.content) == (206, AUDIO[10:20])


def test_a_wrong_token_is_unauthorized_and_the_identity_needs_none(control: Control) -> None:
    with pytest.raises(Unauthorized):
        PlexServer(control.stand_in.url, "wrong")
    assert requests.get(f"{control.stand_in.url}/identity", timeout=2).status_code == 200
    assert requests.get(f"{control.stand_in.url}/stand-in/edits", timeout=2).status_code == 401


@pytest.mark.parametrize("path", ["all?type=10&track.genre=109", "all?type=10&sort=random"])
def test_what_the_stand_in_cannot_do_it_refuses_instead_of_answering_something_else(
    plex: Any, path: str
) -> None:
    with pytest.raises(BadRequest):
        plex.query(f"/library/sections/{MUSIC}/{path}")


@pytest.mark.parametrize(
    ("path", "body"),
    [("behaviour", {"edit_mode": "multiply"}), ("behaviour", {"speed": 1}), ("faults", {"kind": "fire"})],
)
def test_a_behaviour_that_does_not_exist_is_refused(
    control: Control, path: str, body: dict[str, Any]
) -> None:
    with pytest.raises(requests.HTTPError, match="400"):
        control.ask("POST", path, body)


def test_a_second_start_goes_on_with_genres_locks_keys_and_the_record(tmp_path: Path) -> None:
    catalogue = music_and_films(plain_tracks(tmp_path, 3) + odd_tracks(tmp_path), str(tmp_path))
    with running_stand_in(catalogue, tmp_path / "state", token=TOKEN) as first:
        control = Control(stand_in=first)
        control.ask("PUT", "tracks/1001/genres", {"genres": ["ジャズ"], "locked": True})
        control.ask("DELETE", "tracks/1002")
        moved = control.ask("POST", "tracks/1003/rekey")["rating_key"]
        record = control.edits()

    with running_stand_in(catalogue, tmp_path / "state", token=TOKEN) as second:
        control = Control(stand_in=second)
        assert control.state(1001) == (["ジャズ"], True)
        assert control.edits() == record != []
        listed = control.ask("GET", "tracks", library=MUSIC)
        keys = [track["rating_key"] for track in listed["tracks"]]
        assert moved == max(keys)
        assert not {1002, 1003} & set(keys)
        assert control.ask("POST", f"tracks/{moved}/rekey")["rating_key"] > moved


def test_a_catalogue_reads_back_as_it_was_saved(tmp_path: Path) -> None:
    catalogue = music_and_films(plain_tracks(tmp_path) + odd_tracks(tmp_path), str(tmp_path))

    catalogue.save(tmp_path / "catalogue.json")

    assert Catalogue.load(tmp_path / "catalogue.json") == catalogue


def test_two_tracks_with_one_key_are_no_catalogue(tmp_path: Path) -> None:
    tracks = plain_tracks(tmp_path, 1)
    libraries = tuple(StandInLibrary(key=key, title="Music", tracks=tracks) for key in (1, 2))

    with pytest.raises(ValueError, match="one rating key"):
        Catalogue(libraries=libraries)


def test_a_stand_in_without_a_token_or_with_a_taken_port_says_so(tmp_path: Path, unused_port: int) -> None:
    catalogue = tmp_path / "catalogue.json"
    music_and_films((), str(tmp_path)).save(catalogue)
    command = [
        sys.executable,
        "-m",
        "standalone.plex_stand_in",
        "--catalogue",
        str(catalogue),
        "--state",
        str(tmp_path),
    ]

    without = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    assert without.returncode == 2
    assert "STAND_IN_TOKEN" in without.stderr

    with socket.create_server(("127.0.0.1", unused_port)):
        taken = [*command, "--token", "x", "--port", str(unused_port)]
        refused = subprocess.run(taken, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1:{unused_port}" in refused.stderr


def test_playlists_and_collections_outlive_a_restart(control: Control, plex: Any, section: Any) -> None:
    track = section.searchTracks(maxresults=1)[0]
    plex.createPlaylist("Road", items=[track])
    section.createCollection("Calm", items=[track])

    kept = SongLists(control.stand_in.world.storage)

    assert [(each.title, each.members) for each in kept.playlists()] == [("Road", (track.ratingKey,))]
    assert [(each.title, each.members) for each in kept.collections(2)] == [("Calm", (track.ratingKey,))]
