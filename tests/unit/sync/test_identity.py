"""What a caller knows of a track, and whether it still is under its rating key."""

from typing import Any

import pytest
from sync.identity import SongListIdentity, TrackIdentity, is_another, is_another_list
from sync.tracks import GenreState, MediaPart, Track

THERE = {"guid": "plex://track/a", "files": ("/a.mp3", "/a.flac"), "title": "A", "artist": "X"}
NOTHING = TrackIdentity(guid="", file="", title="", artist="")


def track(**fields: Any) -> Track:
    said = {**THERE, **fields}
    parts = tuple(
        MediaPart(key="/library/parts/1", file=file, size_bytes=0, container="") for file in said.pop("files")
    )
    return Track(
        rating_key=1, **said, album_artist="", album="", year=0, track_number=0, disc_number=0, duration_seconds=0.0,
        added_time=0, updated_time=0, library_key="2", parts=parts, genre_state=GenreState(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("known", "another"),
    [
        ({}, False),
        ({"guid": "plex://track/a"}, False),
        ({"guid": "plex://track/b"}, True),
        ({"guid": "local://9"}, False),
        ({"file": "/a.flac"}, False),
        ({"file": "/b.mp3"}, True),
        ({"guid": "plex://track/a", "file": "/b.mp3"}, False),
        ({"guid": "plex://track/b", "file": "/a.mp3"}, False),
        ({"guid": "plex://track/b", "title": "a", "artist": "x"}, False),
        ({"guid": "plex://track/b", "title": "B", "artist": "X"}, True),
        ({"title": "B", "artist": "X"}, True),
        ({"title": "A"}, True),
    ],
    ids=str,
)
def test_what_is_known_decides_and_what_is_not_known_does_not(known: dict[str, str], another: bool) -> None:
    meant = TrackIdentity(**{**vars(NOTHING), **known})
    assert is_another(track(), meant) is another


def test_a_guid_that_plex_made_up_tells_nothing() -> None:
    meant = TrackIdentity(guid="plex://track/b", file="", title="", artist="")
    assert not is_another(track(guid="local://7", files=()), meant)


@pytest.mark.parametrize(
    ("expected", "another"),
    [
        (("a", "A"), False),
        (("a", "B"), False),
        (("b", "A"), True),
        (("", "a"), False),
        (("", "B"), True),
        (("b", ""), True),
        (("", ""), False),
    ],
)
def test_a_list_is_known_by_its_guid_and_by_its_title_only_where_a_guid_is_not_known(
    expected: tuple[str, str], another: bool
) -> None:
    guid, title = expected
    meant = SongListIdentity(guid=guid, title=title)
    assert is_another_list(SongListIdentity(guid="a", title="A"), meant) is another
    by_title = bool(title) and title.lower() != "a"
    assert is_another_list(SongListIdentity(guid="", title="A"), meant) is by_title
