"""Whether the services answer, asked quickly and not at every page."""

from dataclasses import dataclass
from functools import cache

import grpc
from django.conf import settings
from django.core.cache import cache as remembered
from grpc_health.v1 import health_pb2, health_pb2_grpc
from runtime.channel import open_channel

TIMEOUT_SECONDS = 1.0
REMEMBERED_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """Whether one service answers."""

    name: str
    target: str
    serving: bool
    message: str
    """Why it does not, and what to do."""


def service_states() -> list[ServiceState]:
    """The state of sync, features and inference, at most a few seconds old."""
    states = remembered.get("service-states")
    if states is None:
        states = _ask_all()
        remembered.set("service-states", states, REMEMBERED_SECONDS)
    return list(states)


def _ask_all() -> list[ServiceState]:
    targets = {
        "sync": settings.RECLASS.sync_target,
        "features": settings.RECLASS.features_target,
        "inference": settings.RECLASS.inference_target,
    }
    request = health_pb2.HealthCheckRequest()
    # All at once: three services that are down cost one time limit, not three.
    calls = {
        name: _health(target).Check.future(request, timeout=TIMEOUT_SECONDS)
        for name, target in targets.items()
    }
    return [_state(name, targets[name], call) for name, call in calls.items()]


@cache
def _health(target: str) -> health_pb2_grpc.HealthStub:
    token = settings.RECLASS.service_token
    return health_pb2_grpc.HealthStub(open_channel(target, token=token.get_secret_value() if token else None))


def _state(name: str, target: str, call: grpc.Future) -> ServiceState:
    try:
        serving = call.result().status == health_pb2.HealthCheckResponse.SERVING
        message = "" if serving else f"{name} at {target} is not ready yet."
    except grpc.RpcError:
        serving = False
        message = f"{name} at {target} does not answer. Start it; what needs it waits until then."
    return ServiceState(name=name, target=target, serving=serving, message=message)
