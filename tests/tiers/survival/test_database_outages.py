"""The database away for a second and for half a minute in the middle of a run: nobody need do anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from plex_stand_in import AUDIO, TOKEN, Control, plain_tracks
from portal_processes import SONGS, outlive_an_outage, portal_of_processes
from processes import free_port
from standalone.plex_stand_in.catalogue import music_and_films
from standalone.plex_stand_in.server import running_stand_in


@pytest.fixture(scope="module")
def plex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    folder = tmp_path_factory.mktemp("library")
    (folder / "song.mp3").write_bytes(AUDIO)
    catalogue = music_and_films(plain_tracks(folder, SONGS), str(folder))
    with running_stand_in(catalogue, tmp_path_factory.mktemp("state"), token=TOKEN) as stand_in:
        yield Control(stand_in=stand_in)


@pytest.mark.parametrize("seconds", [1.0, 30.0])
def test_a_run_outlives_an_outage_of_the_database(plex: Control, tmp_path: Path, seconds: float) -> None:
    with portal_of_processes(plex, tmp_path, free_port()) as system:
        outlive_an_outage(system, seconds, kill=False)
