"""What a file is called in HTTP: nothing that a server or a name says gets into a header as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sync.media_types import BY_CONTAINER, UNKNOWN, media_type


@pytest.mark.parametrize(
    ("container", "file_name", "said", "expected"),
    [
        ("flac", "song.mp3", "audio/mpeg", "audio/flac"),
        ("", "Song.MP3", "audio/x-whatever", "audio/mpeg"),
        ("MP4", "song", "", "audio/mp4"),
        ("asf", "song.wma", "", "audio/x-ms-wma"),
        ("", "song", "Audio/X-Odd; charset=utf-8", "audio/x-odd"),
        ("", "song", "text/html", UNKNOWN),
        ("html", "song.html", "", UNKNOWN),
        ("", ".mp3", "", UNKNOWN),
        ("", "", "", UNKNOWN),
    ],
)
def test_the_container_counts_then_the_name_then_what_plex_says(
    container: str, file_name: str, said: str, expected: str
) -> None:
    assert media_type(container=container, file_name=file_name, said=said) == expected


@given(
    container=st.text(max_size=20),
    file_name=st.text(max_size=20),
    said=st.text(max_size=30).map("audio/".__add__),
)
def test_no_text_makes_a_header_of_its_own(container: str, file_name: str, said: str) -> None:
    found = media_type(container=container, file_name=file_name, said=said)
    assert found in {*BY_CONTAINER.values(), UNKNOWN} or (found.isascii() and found.isprintable())
    assert " " not in found
