"""Whatever a server says of a track, a message and a database can take what becomes of it; what cannot be is named."""

from xml.etree.ElementTree import Element, SubElement

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reclass.sync.v1 import sync_pb2 as pb
from sync import bounds, convert
from sync.listing import PageToken
from sync.tracks import MusicLibrary, ServerIdentity, Track, tracks_of

OF_TRACK = (
    "ratingKey", "guid", "title", "originalTitle", "grandparentTitle", "parentTitle", "year", "parentYear", "index",
    "parentIndex", "duration", "addedAt", "updatedAt", "librarySectionID",
)  # fmt: skip
OF_PART = ("key", "file", "size", "container")
FIELDS = [*OF_TRACK, *(f"Part.{name}" for name in OF_PART), "Genre.tag"]
ODD_NUMBERS = (
    "-1", "--5", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808", "1" * 5000, "20110112",
    "910692730085", "1700000000000", "253402300800", "NaN", "inf", "-inf", "1e9", "3.5", "²", "٣", "0x10", "seven",
)  # fmt: skip
ODD_TEXTS = ("a\0b", "\0", "\ud800", "x\udfff", "\ud83d", "x" * 1_000_000, "\n\r\t", "e\u0301", "\u202e")
anything = st.one_of(
    st.sampled_from(ODD_NUMBERS + ODD_TEXTS),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.text(st.characters(), max_size=50),
)


def track(name: str, value: str) -> Track:
    """A plain track with one value of a server's own."""
    root = Element("MediaContainer", {"librarySectionID": "2"})
    item = SubElement(
        root, "Track", {"ratingKey": "7", "title": "A", "grandparentTitle": "B", "addedAt": "1700000000"}
    )
    part = SubElement(SubElement(item, "Media"), "Part", {"key": "/library/parts/1/2/f", "file": "/f.mp3"})
    genre = SubElement(item, "Genre", {"tag": "Jazz"})
    kind, _, field = name.rpartition(".")
    {"": item, "Part": part, "Genre": genre}[kind].set(field, value)
    (found,) = tracks_of(root)
    return found


@pytest.mark.parametrize("name", FIELDS)
@given(value=anything)
@example("9223372036854775808")
@example("a\0b\ud800")
def test_whatever_a_field_holds_fits_the_contract_and_the_others_are_as_they_were(
    name: str, value: str
) -> None:
    found = track(name, value)
    message = pb.Track.FromString(convert.full_track(found).SerializeToString())
    assert 0 <= message.year <= bounds.LATEST_YEAR
    assert 0 <= message.add_time.seconds <= bounds.LATEST_SECOND
    assert 0 <= message.update_time.seconds <= bounds.LATEST_SECOND
    assert 0 <= message.duration_seconds <= bounds.LONGEST_SECONDS
    assert message.parts[0].size_bytes >= 0
    assert "\0" not in str(message)
    assert len(message.title) <= bounds.LONGEST_TEXT
    if message.rating_key != "0":
        PageToken.parse(f"5-{message.rating_key}")
    plain = track("title", "A")
    if name not in ("title", "grandparentTitle", "originalTitle", "ratingKey"):
        assert (found.rating_key, found.title, found.artist) == (plain.rating_key, plain.title, plain.artist)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "-1") for name in ("year", "index", "duration", "addedAt", "Part.size")),
        *((name, "NaN") for name in ("year", "parentYear", "parentIndex", "updatedAt", "Part.size")),
        ("year", "20110112"),
        ("index", "2147483648"),
        ("index", "9223372036854775808"),
        ("Part.size", "9223372036854775808"),
        ("addedAt", "910692730085"),
        ("addedAt", "1700000000000"),
        ("title", "a\0b"),
        ("Genre.tag", "Ja\0zz"),
        ("Part.file", "/music/\0.mp3"),
        ("guid", "plex://" + "x" * 400),
    ],
)
def test_a_value_that_cannot_be_is_named(name: str, value: str) -> None:
    assert track(name, value).impossible == (name.rpartition(".")[2],)


@pytest.mark.parametrize(
    ("name", "value"),
    [("year", "0"), ("year", ""), ("index", "2147483647"), ("Part.size", str(2**63 - 1)), ("title", "")],
)
def test_what_is_merely_absent_or_large_is_not_named(name: str, value: str) -> None:
    assert track(name, value).impossible == ()


def test_an_impossible_year_of_the_track_leaves_that_of_its_album() -> None:
    root = Element("MediaContainer")
    SubElement(root, "Track", {"ratingKey": "7", "year": "-1", "parentYear": "1999"})
    (found,) = tracks_of(root)
    assert (found.year, found.impossible) == (1999, ("year",))


def test_a_path_or_an_id_is_never_cut_for_a_piece_of_it_would_be_another_s() -> None:
    assert track("Part.file", "/music/" + "x" * 20_000).parts[0].file == ""
    assert track("guid", "plex://" + "x" * 400).guid == ""
    assert len(track("Genre.tag", "x" * 5000).genre_state.genres[0]) == 5000


@given(value=anything)
def test_servers_and_libraries_are_bounded_too(value: str) -> None:
    root = Element("MediaContainer", {"machineIdentifier": value, "friendlyName": value, "version": value})
    identity = ServerIdentity.from_element(root)
    convert.server_message(identity).SerializeToString()
    directory = Element("Directory", {"key": value, "title": value, "uuid": value})
    SubElement(directory, "Location", {"path": value})
    library = MusicLibrary.from_element(directory)
    assert "\0" not in str(convert.library_message(library, 0))
