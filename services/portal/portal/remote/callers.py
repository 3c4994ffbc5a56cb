"""The door to the inference service for the tokens of other programs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import grpc
from reclass.inference.v1 import inference_pb2 as pb
from reclass.inference.v1 import inference_pb2_grpc
from runtime.rights import Role

from portal.configuration import PortalSettings
from portal.remote.calls import channel_to, translated

TIMEOUT_SECONDS = 3.0
_ROLES = {
    Role.CALLER.value: pb.CALLER_ROLE_CALLER,
    Role.OPERATOR.value: pb.CALLER_ROLE_OPERATOR,
}


class CallersClient:
    """Typed calls; every failure is a `RemoteError`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = inference_pb2_grpc.InferenceServiceStub(channel)

    def set_callers(self, callers: Sequence[tuple[str, str, str]]) -> bool:
        """Name, role and fingerprint of all who may call; whether inference knew others."""
        messages = [
            pb.Caller(name=name, role=_ROLES[role], token_sha256=bytes.fromhex(mark))
            for name, role, mark in callers
        ]
        with translated("inference"):
            request = pb.SetCallersRequest(callers=messages)
            return self._stub.SetCallers(request, timeout=TIMEOUT_SECONDS).changed


@contextmanager
def callers_at_hand(settings: PortalSettings) -> Iterator[CallersClient]:
    """Over a channel of its own, that says at once when nobody answers."""
    with channel_to(settings, "inference", patient=False) as channel:
        yield CallersClient(channel)
