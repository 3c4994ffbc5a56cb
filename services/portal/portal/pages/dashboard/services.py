"""Whether the services and Plex answer, asked quickly and not at every page."""

from dataclasses import dataclass, replace
from typing import Any

import grpc
from django.conf import settings
from django.core.cache import cache as remembered
from django.db.models import Max
from grpc_health.v1 import health_pb2, health_pb2_grpc
from runtime.errors import RemoteError

from portal.library.embeddings import enabled_kinds, kind_words, note_capabilities
from portal.preferences.current import preferences
from portal.remote.calls import channel_to
from portal.remote.features import Capability, capabilities_now
from portal.remote.inference import Stage, stages
from portal.remote.sync import SyncClient
from portal.runs.models import Run

HEALTH_TIMEOUT_SECONDS = 1.0
# Plex itself is asked, over the network.
PLEX_TIMEOUT_SECONDS = 2.5
REMEMBERED_SECONDS = 10
# As sync says it.
NOT_CONFIGURED = "NOT_CONFIGURED"
_KEY = "dashboard-surroundings"


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """Whether one service answers."""

    name: str
    target: str
    serving: bool


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the portal found around itself."""

    services: tuple[ServiceState, ...]
    stages: tuple[Stage, ...]
    """Of the voting; empty when inference could not be asked."""
    vectors: tuple[Capability, ...]
    """What can be extracted from a song, and where that runs; empty when features could not be asked."""
    plex_name: str
    """Empty when Plex was not reached."""
    plex_trouble: str
    """Why Plex was not reached, and what to do; empty when it was, or when nobody could be asked."""
    plex_unset: bool = False
    """Nobody has said yet where Plex is."""

    @property
    def model_ready(self) -> bool | None:
        """Whether a trained model serves; None when inference could not be asked."""
        return any(stage.ready for stage in self.stages) if self.stages else None

    @property
    def model_trouble(self) -> str:
        """Why a model that should serve cannot; empty where all can."""
        return next((stage.message for stage in self.stages if stage.broken), "")


def surroundings() -> Surroundings:
    """The state of the services and of Plex, at most a few seconds old, and never older than the last run's end.

    A training that has just ended put a model into service: what was seen before would have a person train again.
    """
    ended = Run.objects.aggregate(last=Max("finished_time"))["last"]
    known: tuple[object, Surroundings] | None = remembered.get(_KEY)
    if known is not None and known[0] == ended:
        return known[1]
    found = look_around()
    remembered.set(_KEY, (ended, found), REMEMBERED_SECONDS)
    return found


def look_around() -> Surroundings:
    """Ask every service now. Never raises: what does not answer is part of the answer."""
    services = _health()
    serving = {service.name for service in services if service.serving}
    plex_name, plex_trouble, plex_unset = _plex() if "sync" in serving else ("", "", False)
    return Surroundings(
        services=services,
        stages=_stages() if "inference" in serving else (),
        vectors=_vectors() if "features" in serving else (),
        plex_name=plex_name,
        plex_trouble=plex_trouble,
        plex_unset=plex_unset,
    )


def _channel(service: str) -> grpc.Channel:
    return channel_to(settings.RECLASS, service, patient=False)


def _health() -> tuple[ServiceState, ...]:
    channels = {name: _channel(name) for name in ("sync", "features", "inference")}
    # All at once: three services that are down cost one time limit, not three.
    calls = {name: _ask_health(channel) for name, channel in channels.items()}
    states = tuple(
        ServiceState(name=name, target=settings.RECLASS.door_of(name)[0], serving=_serving(call))
        for name, call in calls.items()
    )
    for channel in channels.values():
        channel.close()
    return states


def _ask_health(channel: grpc.Channel) -> Any:
    health: Any = health_pb2_grpc.HealthStub(channel)  # its type stubs leave the calls out
    return health.Check.future(health_pb2.HealthCheckRequest(), timeout=HEALTH_TIMEOUT_SECONDS)


def _serving(call: Any) -> bool:
    try:
        return bool(call.result().status == health_pb2.HealthCheckResponse.SERVING)
    except grpc.RpcError:
        return False


def _stages() -> tuple[Stage, ...]:
    try:
        found = stages(timeout_seconds=HEALTH_TIMEOUT_SECONDS)
    except RemoteError:
        return ()
    words = kind_words()
    return tuple(replace(stage, features=words(stage.kinds)) for stage in found)


def _vectors() -> tuple[Capability, ...]:
    try:
        kinds = note_capabilities(capabilities_now(preferences(), HEALTH_TIMEOUT_SECONDS)).kinds
    except RemoteError:
        return ()
    found = {each.kind: each for each in kinds}
    return tuple(found[kind] for kind in enabled_kinds() if kind in found)


def _plex() -> tuple[str, str, bool]:
    """Its name, else why it was not reached, and whether that is for want of an address."""
    channel = _channel("sync")
    try:
        return SyncClient(channel).check_server(timeout_seconds=PLEX_TIMEOUT_SECONDS).name, "", False
    except RemoteError as error:
        if error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
            # Sync has just said that it serves: it waits for Plex longer than a page can.
            return "", f"it has not answered within {PLEX_TIMEOUT_SECONDS:g} seconds", False
        return "", error.message, error.reason == NOT_CONFIGURED
    finally:
        channel.close()
