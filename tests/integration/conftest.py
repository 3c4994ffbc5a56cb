"""What tests with real parts share."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from plex_stand_in import AUDIO, TOKEN, Control, odd_tracks, plain_tracks
from standalone.plex_stand_in.catalogue import music_and_films
from standalone.plex_stand_in.server import RunningStandIn, running_stand_in


@pytest.fixture
def unused_port() -> int:
    """A port of loopback that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def library_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the one audio file of all tracks."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "song.mp3").write_bytes(AUDIO)
    return folder


@pytest.fixture(scope="session")
def one_stand_in(library_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStandIn]:
    """A server with 25 plain and some odd tracks in library 2, an empty library 3, and films in 1."""
    catalogue = music_and_films(
        plain_tracks(library_folder) + odd_tracks(library_folder), str(library_folder)
    )
    with running_stand_in(catalogue, tmp_path_factory.mktemp("state"), token=TOKEN) as running:
        yield running


@pytest.fixture
def control(one_stand_in: RunningStandIn) -> Control:
    """The stand-in, as on its first day."""
    fresh = Control(stand_in=one_stand_in)
    fresh.ask("POST", "reset")
    return fresh


@pytest.fixture
def stand_in(control: Control) -> RunningStandIn:
    """The same, for tests that need its address only."""
    return control.stand_in
