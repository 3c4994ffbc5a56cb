"""A stand-in for Plex in this process, and the real sync service on a socket before it."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from plex_stand_in import AUDIO, TOKEN, Control, odd_tracks, plain_tracks
from reclass.sync.v1 import sync_pb2_grpc
from runtime.testing import connected
from standalone.plex_stand_in.catalogue import music_and_films
from standalone.plex_stand_in.server import RunningStandIn, running_stand_in
from sync.library import PlexMusic
from sync.servicer import SERVICE_NAME, SyncServicer


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


@pytest.fixture(scope="session")
def one_music(one_stand_in: RunningStandIn) -> Iterator[PlexMusic]:
    """The service's own view of that server, without gRPC between."""
    plex_music = Control(stand_in=one_stand_in).music()
    yield plex_music
    plex_music.close()


@pytest.fixture(scope="session")
def one_channel(one_music: PlexMusic) -> Iterator[grpc.Channel]:
    """A channel to the real service."""
    with connected({SERVICE_NAME: SyncServicer(one_music).register}) as open_channel:
        yield open_channel


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


@pytest.fixture
def music(control: Control, one_music: PlexMusic) -> PlexMusic:
    """The service's view of a stand-in as on its first day."""
    return one_music


@pytest.fixture
def sync(control: Control, one_channel: grpc.Channel) -> sync_pb2_grpc.SyncServiceStub:
    """The service as other services call it, before a stand-in as on its first day."""
    return sync_pb2_grpc.SyncServiceStub(one_channel)
