"""Calls to other services: how they are made, and their failures as this program's own exceptions."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import grpc
from runtime.channel import open_channel
from runtime.errors import RemoteError

from portal.configuration import PortalSettings

Message = TypeVar("Message")
_SILENCE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
SERVICE_DOWN = "SERVICE_DOWN"
_BRIEFLY = {
    "Connection refused": "nothing listens at its address",
    "DNS resolution failed": "its name is not known",
}


def channel_to(
    settings: PortalSettings, service: str, *, sent_once: Sequence[str] = (), patient: bool = True
) -> grpc.Channel:
    """A channel to sync, features or inference, with the portal's token for it; it connects when it is first used.
    The caller closes it.

    Pages are not patient: they say at once that a service is down, while work waits for it to come back.
    """
    target, token = settings.door_of(service)
    return open_channel(
        target,
        token=token,
        max_message_bytes=settings.max_message_bytes,
        sent_once=sent_once,
        patient=patient,
    )


@contextmanager
def translated(service: str) -> Iterator[None]:
    """Raise `RemoteError` where gRPC raises its own; a service that is silent is named."""
    try:
        yield
    except grpc.RpcError as error:
        raise _named(service, RemoteError.from_rpc(error)) from error


def streamed(service: str, messages: Iterable[Message]) -> Iterator[Message]:
    """The messages of a stream, with its failure translated."""
    with translated(service):
        yield from messages


def _named(service: str, error: RemoteError) -> RemoteError:
    if error.code not in _SILENCE or error.reason != error.code.name:
        return error
    message = (
        f"The {service} service does not answer ({_briefly(error.message)}): start it, or see its log. "
        "`reclass doctor` looks at every part."
    )
    return RemoteError(code=error.code, message=message, reason=SERVICE_DOWN)


def _briefly(details: str) -> str:
    """gRPC's own words name every address that it tried, which helps nobody who reads a page."""
    return next((said for sign, said in _BRIEFLY.items() if sign in details), details)
