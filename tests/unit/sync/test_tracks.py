"""Tracks, libraries and servers read out of Plex's XML."""

from xml.etree import ElementTree

import pytest
from sync.tracks import GenreState, ServerIdentity, music_libraries_of, tracks_of

TRACK = """
<MediaContainer size="2" librarySectionID="4">
  <Directory ratingKey="9" type="album" title="Not a track"/>
  <Track ratingKey="7" guid="plex://track/a" title="A" originalTitle="Guest" grandparentTitle="Various Artists"
         parentTitle="Hits" parentYear="1984" index="3" parentIndex="2" duration="215500" addedAt="100" updatedAt="200">
    <Media><Part key="/library/parts/1/2/f.flac" file="/m/a.flac" size="10" container="flac"/></Media>
    <Media><Part key="/library/parts/3/2/f.mp3" file="/m/a.mp3"/></Media>
    <Genre id="1" tag="Pop"/><Genre id="2" tag="New Wave"/>
    <Field locked="1" name="genre"/><Mood><Genre tag="not ours"/></Mood>
  </Track>
</MediaContainer>
"""


def test_a_track_is_read_with_all_that_plex_says_of_it() -> None:
    (track,) = tracks_of(ElementTree.fromstring(TRACK))  # noqa: S314 - written above

    assert (track.rating_key, track.library_key, track.artist, track.album_artist) == (
        7,
        "4",
        "Guest",
        "Various Artists",
    )
    assert (track.year, track.track_number, track.disc_number, track.duration_seconds) == (1984, 3, 2, 215.5)
    assert (track.added_time, track.updated_time) == (100, 200)
    assert [(part.file, part.size_bytes, part.container) for part in track.parts] == [
        ("/m/a.flac", 10, "flac"),
        ("/m/a.mp3", 0, ""),
    ]
    assert track.genre_state == GenreState(genres=("Pop", "New Wave"), locked=True)


def test_what_plex_leaves_out_becomes_zero_or_empty() -> None:
    (track,) = tracks_of(ElementTree.fromstring('<MediaContainer><Track ratingKey="7"/></MediaContainer>'))  # noqa: S314

    assert (track.year, track.duration_seconds, track.track_number, track.parts) == (0, 0.0, 0, ())
    assert track.genre_state == GenreState()


def test_the_field_that_is_unlocked_or_another_field_s_lock_locks_no_genres() -> None:
    xml = (
        '<M><Track ratingKey="7"><Field locked="0" name="genre"/><Field locked="1" name="title"/></Track></M>'
    )
    (track,) = tracks_of(ElementTree.fromstring(xml))  # noqa: S314 - written above

    assert not track.genre_state.locked


def test_only_music_libraries_are_listed_with_all_their_folders() -> None:
    xml = """<MediaContainer><Directory key="1" type="movie" title="Films"/>
    <Directory key="2" type="artist" title="Music" uuid="u"><Location path="/a"/><Location path="/b"/></Directory>
    </MediaContainer>"""
    (library,) = music_libraries_of(ElementTree.fromstring(xml))  # noqa: S314 - written above

    assert (library.key, library.title, library.uuid, library.locations) == ("2", "Music", "u", ("/a", "/b"))


@pytest.mark.parametrize(
    ("version", "knows"),
    [
        ("1.39.9.1-x", False),
        ("1.40.0.7775-456fbaf97", True),
        ("1.9.0", False),
        ("2.0.1", True),
        ("1.100.1", True),
        ("", False),
        ("dev", False),
    ],
)
def test_genres_on_tracks_came_with_version_1_40(version: str, knows: bool) -> None:
    assert ServerIdentity(machine_identifier="m", friendly_name="", version=version).has_track_genres is knows
