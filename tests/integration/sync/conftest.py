"""A stand-in for Plex in this process, and the real sync service on a socket before it."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from plex_stand_in import AUDIO, TOKEN, Control, odd_tracks, plain_tracks
from reclass.sync.v1 import sync_pb2_grpc
from runtime.testing import connected
from standalone.stand_in.catalogue import music_and_films
from standalone.stand_in.server import RunningStandIn, running_stand_in
from sync.library import PlexMusic
from sync.plex import Plex, PlexAddress, Timeouts
from sync.servicer import SERVICE_NAME, SyncServicer


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[RunningStandIn]:
    """A server with 25 plain and some odd tracks in library 2, an empty library 3, and films in 1."""
    (tmp_path / "song.mp3").write_bytes(AUDIO)
    catalogue = music_and_films(plain_tracks(tmp_path) + odd_tracks(tmp_path), str(tmp_path))
    with running_stand_in(catalogue, tmp_path / "state", token=TOKEN) as running:
        yield running


@pytest.fixture
def control(stand_in: RunningStandIn) -> Control:
    """Its control interface."""
    return Control(stand_in=stand_in)


@pytest.fixture
def music(stand_in: RunningStandIn) -> Iterator[PlexMusic]:
    """The service's own view of that server, without gRPC between."""
    address = PlexAddress(url=stand_in.url, token=TOKEN)
    plex_music = PlexMusic(Plex(address, Timeouts(connect_seconds=1, read_seconds=2)))
    yield plex_music
    plex_music.close()


@pytest.fixture
def channel(music: PlexMusic) -> Iterator[grpc.Channel]:
    """A channel to the real service."""
    with connected({SERVICE_NAME: SyncServicer(music).register}) as open_channel:
        yield open_channel


@pytest.fixture
def sync(channel: grpc.Channel) -> sync_pb2_grpc.SyncServiceStub:
    """The service as other services call it."""
    return sync_pb2_grpc.SyncServiceStub(channel)
