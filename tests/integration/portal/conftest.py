"""The portal's worker before the real sync service and stand-ins for Plex, features and inference."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest
from django.core.cache import cache
from features_stand_in import FeaturesStandIn
from plex_stand_in import AUDIO, TOKEN, Control, plain_tracks
from runtime.channel import open_channel
from runtime.testing import running_server
from stand_in_services import InferenceStandIn, registered
from standalone.plex_stand_in.catalogue import music_and_films
from standalone.plex_stand_in.server import running_stand_in
from sync.connection import Connection, Parts
from sync.library import PlexMusic
from sync.plex import Plex, Timeouts
from sync.servicer import SERVICE_NAME, SyncServicer

SONGS = 12


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What pages keep in this process for some seconds, such as what serves now, is nothing of the test before."""
    cache.clear()


@pytest.fixture
def queries_of(db: None) -> Callable[[Callable[[], object]], int]:
    """Counts the queries of a deed. It begins with nothing remembered: else it is one less for a deed after another,
    and one more again once the memory's seconds are over."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def count(deed: Callable[[], object]) -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            deed()
        return len(captured)

    return count


@dataclass(kw_only=True)
class Portal:
    """A portal whose worker works when it is told to."""

    plex: Control
    features: FeaturesStandIn
    inference: InferenceStandIn
    services: object
    target: str
    """Where the services answer."""

    def work_off(self) -> None:
        """Let a real worker do every job that is due."""
        from portal.orchestration.tasks import EQUIPMENT
        from procrastinate.contrib.django import app
        from procrastinate.contrib.django.django_connector import DjangoConnector

        async def work() -> None:
            with app.replace_connector(DjangoConnector().get_worker_connector()) as worker:
                async with worker.open_async():
                    await worker.run_worker_async(
                        wait=False,
                        concurrency=2,
                        listen_notify=False,
                        install_signal_handlers=False,
                        delete_jobs="successful",
                        additional_context={EQUIPMENT: self.equipment()},
                    )

        asyncio.run(work())

    def equipment(self, stopping: threading.Event | None = None) -> object:
        """What a worker hands to its jobs."""
        from portal.configuration import PortalSettings
        from portal.runs.work import Equipment

        return Equipment(
            services=self.services,
            settings=PortalSettings(chunk_size=4),
            stopping=stopping or threading.Event(),
        )

    def finish(self, run, *, within_seconds=20):
        """Work until the run has ended; the run as it is then."""

        deadline = time.monotonic() + within_seconds
        while True:
            self.work_off()
            run.refresh_from_db()
            if run.state not in run.ACTIVE:
                return run
            assert time.monotonic() < deadline, f"{run} does not end: {run.state}, {run.message}"


@pytest.fixture(scope="session")
def portal_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    """A library of twelve songs with tags, the thirteenth without media."""
    from standalone.plex_stand_in.catalogue import StandInTrack

    folder = tmp_path_factory.mktemp("library")
    (folder / "song.mp3").write_bytes(AUDIO)
    silent = StandInTrack(rating_key=2001, title="No media", file="", artist="Nobody", album_artist="Nobody")
    catalogue = music_and_films((*plain_tracks(folder, SONGS), silent), str(folder))
    with running_stand_in(catalogue, tmp_path_factory.mktemp("state"), token=TOKEN) as stand_in:
        yield Control(stand_in=stand_in)


@contextmanager
def servers_before(
    plex: Control, features: FeaturesStandIn, inference: InferenceStandIn
) -> Iterator[tuple[object, str]]:
    """The services behind sockets: the portal's doors to them, and where they answer."""
    from portal.remote.decisions import DecisionsClient
    from portal.remote.features import FeaturesClient
    from portal.remote.inference import InferenceClient
    from portal.remote.models import ModelsClient
    from portal.remote.services import Services
    from portal.remote.sync import SyncClient

    connection = Connection(Parts(url=plex.stand_in.url, token=TOKEN), None)
    music = PlexMusic(Plex(connection.address, Timeouts(connect_seconds=5, read_seconds=10)))
    handlers = {SERVICE_NAME: SyncServicer(music, connection).register, **registered(features, inference)}
    with running_server(handlers) as server:
        channel = open_channel(f"127.0.0.1:{server.port}")
        services = Services(
            sync=SyncClient(channel),
            features=FeaturesClient(channel),
            inference=InferenceClient(channel),
            models=ModelsClient(channel),
            decisions=DecisionsClient(channel),
        )
        yield services, f"127.0.0.1:{server.port}"
        channel.close()
    music.close()


@pytest.fixture(scope="session")
def portal_servers(
    portal_stand_in: Control,
) -> Iterator[tuple[object, FeaturesStandIn, InferenceStandIn, str]]:
    """The services before the small library."""
    features, inference = FeaturesStandIn(), InferenceStandIn()
    with servers_before(portal_stand_in, features, inference) as (services, target):
        yield services, features, inference, target


@pytest.fixture
def portal_of(
    transactional_db: None, genres: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Control, FeaturesStandIn], AbstractContextManager[Portal]]:
    """Makes a portal before a stand-in of the test's own."""
    from django.db import connections

    monkeypatch.setitem(connections["default"].settings_dict, "CONN_MAX_AGE", 0)

    @contextmanager
    def portal_before(plex: Control, features: FeaturesStandIn) -> Iterator[Portal]:
        inference = InferenceStandIn()
        with servers_before(plex, features, inference) as (services, target):
            yield Portal(plex=plex, features=features, inference=inference, services=services, target=target)

    return portal_before


@pytest.fixture
def portal(
    transactional_db: None,
    genres: dict[str, int],
    portal_stand_in: Control,
    portal_servers: tuple[object, FeaturesStandIn, InferenceStandIn, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Portal:
    """Everything as on the first day."""
    from django.db import connections

    # Connections of the worker's threads end with their jobs, so that the test's database can be dropped.
    monkeypatch.setitem(connections["default"].settings_dict, "CONN_MAX_AGE", 0)
    services, features, inference, target = portal_servers
    features.__init__()
    inference.__init__()
    portal_stand_in.ask("DELETE", "faults")
    portal_stand_in.ask(
        "POST",
        "behaviour",
        {"version": "1.41.3.9314", "edit_mode": "add", "spelling": "kept", "ignores_edits": False},
    )
    portal_stand_in.ask("POST", "reset")
    return Portal(
        plex=portal_stand_in, features=features, inference=inference, services=services, target=target
    )
