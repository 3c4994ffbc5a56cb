"""The real sync service on a socket before the stand-in for Plex."""

from collections.abc import Iterator

import grpc
import pytest
from plex_stand_in import Control
from reclass.sync.v1 import sync_pb2_grpc
from runtime.testing import connected
from standalone.plex_stand_in.server import RunningStandIn
from sync.library import PlexMusic
from sync.servicer import SERVICE_NAME, SyncServicer


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
def music(control: Control, one_music: PlexMusic) -> PlexMusic:
    """The service's view of a stand-in as on its first day."""
    return one_music


@pytest.fixture
def sync(control: Control, one_channel: grpc.Channel) -> sync_pb2_grpc.SyncServiceStub:
    """The service as other services call it, before a stand-in as on its first day."""
    return sync_pb2_grpc.SyncServiceStub(one_channel)
