"""A library for a portal of processes."""

from collections.abc import Iterator

import pytest
from plex_stand_in import AUDIO, TOKEN, Control, plain_tracks
from portal_processes import SONGS
from standalone.plex_stand_in.catalogue import music_and_films
from standalone.plex_stand_in.server import running_stand_in


@pytest.fixture(scope="module")
def plex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    """Twelve songs, each the same file."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "song.mp3").write_bytes(AUDIO)
    catalogue = music_and_films(plain_tracks(folder, SONGS), str(folder))
    with running_stand_in(catalogue, tmp_path_factory.mktemp("state"), token=TOKEN) as stand_in:
        yield Control(stand_in=stand_in)
