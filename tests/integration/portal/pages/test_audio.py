"""The sound of a song, from a browser's request through sync to Plex and back."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import songs
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from plex_stand_in import AUDIO, MUSIC
from portal.library.models import Track
from portal.pages.songs.audio import AWAY_SECONDS, FREED_SECONDS, STREAMS

SIZE = len(AUDIO)
PARTS = "/library/parts/"


@pytest.fixture
def connected_portal(portal: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Its pages ask the real sync service, before a stand-in as on its first day."""
    portal.plex.behave(honours_range=True)
    monkeypatch.setattr(settings.RECLASS, "sync_target", portal.target)
    return portal


@pytest.fixture
def address(connected_portal: Any) -> str:
    """Of the sound of a song that Plex has."""
    song = songs.make_song(
        songs.make_library(), 1001, title="Song 011", artist="The Band", file=file_of(1001, connected_portal)
    )
    return address_of(song)


def file_of(rating_key: int, portal: Any) -> str:
    return str(portal.plex.ask("GET", f"tracks/{rating_key}")["file"])


def address_of(song: Track) -> str:
    return f"/admin/library/track/{song.pk}/audio"


def asked_of_plex(portal: Any) -> list[str]:
    """Which parts of files were asked for."""
    return [each["range"] for each in portal.plex.requests() if each["path"].startswith(PARTS)]


def content(answer: Any) -> bytes:
    body = b"".join(answer.streaming_content)
    answer.close()
    return body


def sentence(answer: Any) -> str:
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return str(answer.content.decode())


def test_the_whole_file_comes_with_its_size_and_kind(admin_client: Client, address: str) -> None:
    answer = admin_client.get(address)
    assert answer.status_code == 200
    assert {
        name: answer.headers.get(name)
        for name in ("Content-Type", "Content-Length", "Accept-Ranges", "Content-Range")
    } == {
        "Content-Type": "audio/mpeg",
        "Content-Length": str(SIZE),
        "Accept-Ranges": "bytes",
        "Content-Range": None,
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "media-src 'self'" in answer.headers["Content-Security-Policy"]
    assert content(answer) == AUDIO


@pytest.mark.parametrize("honours_range", [True, False], ids=["heeded", "passed over"])
@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-", 0, SIZE),
        ("bytes=0-1", 0, 2),
        ("bytes=1000000-1999999", 1_000_000, 2_000_000),
        ("bytes=3000000-", 3_000_000, SIZE),
        ("bytes=3000000-999999999", 3_000_000, SIZE),
        ("bytes=-500", SIZE - 500, SIZE),
        ("bytes=-99999999", 0, SIZE),
    ],
)
def test_a_part_comes_as_it_was_asked_for_whether_plex_heeds_ranges_or_not(
    admin_client: Client,
    connected_portal: Any,
    address: str,
    asked: str,
    first: int,
    end: int,
    honours_range: bool,
) -> None:
    connected_portal.plex.behave(honours_range=honours_range)
    answer = admin_client.get(address, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{end - 1}/{SIZE}"
    assert answer.headers["Content-Length"] == str(end - first)
    assert content(answer) == AUDIO[first:end]


def test_plex_is_asked_for_the_part_alone(admin_client: Client, connected_portal: Any, address: str) -> None:
    content(admin_client.get(address, headers={"Range": "bytes=2000000-2000009"}))
    assert asked_of_plex(connected_portal) == ["bytes=0-0", "bytes=2000000-2000009"]
    content(admin_client.get(address, headers={"Range": "bytes=0-9"}))
    assert asked_of_plex(connected_portal)[2:] == ["bytes=0-9"]


@pytest.mark.parametrize("asked", ["bytes=0-1,5-9", "bytes=9-1", "bytes=x", "items=0-1"])
def test_what_is_no_single_range_gets_the_whole_file(admin_client: Client, address: str, asked: str) -> None:
    answer = admin_client.get(address, headers={"Range": asked})
    assert answer.status_code == 200
    assert content(answer) == AUDIO


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=99999999999-", "bytes=-0"])
@pytest.mark.parametrize("honours_range", [True, False])
def test_a_range_beyond_the_end_is_told_how_long_the_file_is(
    admin_client: Client, connected_portal: Any, address: str, asked: str, honours_range: bool
) -> None:
    connected_portal.plex.behave(honours_range=honours_range)
    answer = admin_client.get(address, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"
    assert str(SIZE) in sentence(answer)


def test_a_head_has_the_size_and_no_byte(admin_client: Client, connected_portal: Any, address: str) -> None:
    answer = admin_client.head(address, headers={"Range": "bytes=5-"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert asked_of_plex(connected_portal) == ["bytes=0-0"]


@pytest.mark.parametrize("asked", ["", "bytes=0-", "bytes=0-5", "bytes=7-"])
def test_a_file_without_a_byte_is_whole(
    admin_client: Client, connected_portal: Any, tmp_path: Path, asked: str
) -> None:
    song = song_of(connected_portal, tmp_path / "empty.flac", b"")
    answer = admin_client.get(address_of(song), headers={"Range": asked} if asked else {})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "audio/flac"
    assert content(answer) == b""


def song_of(portal: Any, file: Path, sound: bytes, rating_key: int = 8001) -> Track:
    """A song of Plex and of the portal."""
    file.write_bytes(sound)
    track = {"rating_key": rating_key, "title": "Own", "artist": "A", "file": str(file)}
    portal.plex.ask("POST", "tracks", {"library_key": int(MUSIC), "tracks": [track]})
    library = Track.objects.first().library if Track.objects.exists() else songs.make_library()
    return songs.make_song(library, rating_key, title="Own", artist="A", file=str(file))


@pytest.mark.parametrize(
    "name", ["a\nb: c.flac", 'x"y;z.flac', "日本 <b>.flac", "..%2f..%0d%0aSet-Cookie: a=b.flac"]
)
def test_no_name_of_a_file_gets_into_a_header_or_out_of_the_page(
    admin_client: Client, connected_portal: Any, tmp_path: Path, name: str
) -> None:
    song = song_of(connected_portal, tmp_path / name, b"sound")
    answer = admin_client.get(address_of(song))
    assert answer.headers["Content-Type"] == "audio/flac"
    assert not any(part in str(answer.headers) for part in ("Set-Cookie: a", name))
    assert content(answer) == b"sound"
    page = admin_client.get(f"/admin/library/track/{song.pk}/change/").content.decode()
    assert "<b>.flac" not in page
    assert 'download="x"y' not in page


@pytest.mark.parametrize("name", ["page.html", "picture.svg", "nothing"])
def test_what_is_no_sound_is_never_shown_as_a_page(
    admin_client: Client, connected_portal: Any, tmp_path: Path, name: str
) -> None:
    song = song_of(connected_portal, tmp_path / name, b"<script>alert(1)</script>")
    answer = admin_client.get(address_of(song))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    content(answer)


def test_who_may_not_see_songs_gets_no_sound(client: Client, connected_portal: Any, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/admin/login/")
    user = User.objects.create_user("clerk", password="pw", is_staff=True)
    client.force_login(user)
    assert client.get(address).status_code == 403
    assert asked_of_plex(connected_portal) == []
    user.user_permissions.add(Permission.objects.get(codename="view_track"))
    answer = client.get(address)
    assert answer.status_code == 200
    answer.close()


def test_nobody_posts_to_it(admin_client: Client, address: str) -> None:
    answer = admin_client.post(address)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("number", ["999999", "9" * 40, "0"])
def test_an_unknown_song_is_told_from_one_that_is_gone(
    admin_client: Client, connected_portal: Any, address: str, number: str
) -> None:
    answer = admin_client.get(f"/admin/library/track/{number}/audio")
    assert answer.status_code == 404
    assert sentence(answer)
    Track.objects.update(removed_time=songs.THEN)
    answer = admin_client.get(address)
    assert answer.status_code == 410
    assert sentence(answer)
    assert asked_of_plex(connected_portal) == []
    page = admin_client.get(address.removesuffix("audio") + "change/").content.decode()
    assert "<audio" not in page


def test_a_song_that_plex_has_lost_since_is_not_there(
    admin_client: Client, connected_portal: Any, address: str
) -> None:
    connected_portal.plex.ask("DELETE", "tracks/1001")
    for asked in ("bytes=0-", "bytes=5-"):
        answer = admin_client.get(address, headers={"Range": asked})
        assert answer.status_code == 404
        assert "1001" in sentence(answer)


def test_another_song_under_the_same_key_is_not_played(
    admin_client: Client, connected_portal: Any, address: str
) -> None:
    Track.objects.update(
        title="Another", artist="Another", file="/music/another.mp3", guid="plex://track/another"
    )
    answer = admin_client.get(address)
    assert answer.status_code == 409
    assert "Another" in sentence(answer)
    assert asked_of_plex(connected_portal) == []


@pytest.mark.parametrize(
    ("fault", "status"), [({"kind": "status", "status": 503}, 503), ({"kind": "status", "status": 403}, 502)]
)
def test_what_plex_refuses_is_told_with_the_remedy(
    admin_client: Client, connected_portal: Any, address: str, fault: dict[str, Any], status: int
) -> None:
    connected_portal.plex.fail(path=PARTS, times=-1, **fault)
    answer = admin_client.get(address, headers={"Range": "bytes=0-"})
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == (str(AWAY_SECONDS) if status == 503 else None)
    assert "Plex" in sentence(answer)


def test_where_sync_is_away_the_answer_says_so_at_once(
    admin_client: Client, address: str, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setattr(settings.RECLASS, "sync_target", f"127.0.0.1:{unused_port}")
    answer = admin_client.get(address)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, str(AWAY_SECONDS))
    said = sentence(answer)
    assert "sync" in said
    assert "`" not in said


def test_a_file_that_plex_breaks_off_ends_before_the_length_that_was_said(
    admin_client: Client, connected_portal: Any, address: str
) -> None:
    connected_portal.plex.fail("cut", path=PARTS)
    answer = admin_client.get(address)
    assert answer.headers["Content-Length"] == str(SIZE)
    assert 0 < len(content(answer)) < SIZE
    assert content(admin_client.get(address)) == AUDIO


@pytest.fixture
def a_browser(admin_client: Client, address: str) -> Iterator[Callable[[], Any]]:
    """Begins to take the sound, and stops at the end of the test."""
    begun = []

    def begin() -> Any:
        begun.append(admin_client.get(address))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


def test_so_many_play_at_once_and_the_next_is_told_to_wait(a_browser: Callable[[], Any]) -> None:
    playing = [a_browser() for _ in range(STREAMS)]
    assert {each.status_code for each in playing} == {200}
    refused = a_browser()
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, str(FREED_SECONDS))
    assert str(STREAMS) in sentence(refused)
    playing[0].close()
    assert a_browser().status_code == 200


def test_refusals_and_faults_keep_no_place(
    admin_client: Client, connected_portal: Any, address: str, a_browser: Callable[[], Any]
) -> None:
    connected_portal.plex.fail("status", path=PARTS, times=STREAMS)
    for _ in range(STREAMS):
        assert admin_client.get(address).status_code == 503
    for _ in range(STREAMS):
        assert admin_client.get(address, headers={"Range": f"bytes={SIZE}-"}).status_code == 416
        assert admin_client.head(address).status_code == 200
    assert [a_browser().status_code for _ in range(STREAMS)] == [200] * STREAMS
