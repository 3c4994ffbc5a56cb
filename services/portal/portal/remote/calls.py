"""Calls to other services: how they are made, and their failures as this program's own exceptions."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

import grpc
from runtime.channel import open_channel
from runtime.errors import RemoteError
from runtime.telemetry import get_logger

from portal.configuration import PortalSettings

log = get_logger(__name__)
Message = TypeVar("Message")
Item = TypeVar("Item")
Answer = TypeVar("Answer")
_SILENCE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
SERVICE_DOWN = "SERVICE_DOWN"
# By what stands in gRPC's own words, which name every address that it tried and help nobody who reads a page.
_BRIEFLY = {
    "Connection refused": "nothing listens at its address",
    "DNS resolution failed": "its name is not known",
    "timed out": "it is silent",
    "Deadline Exceeded": "it is silent",
    "Handshake read failed": "something else listens at its address",
    "No route to host": "its machine cannot be reached",
    "unreachable": "its machine cannot be reached",
    "Connection reset": "it broke off",
    "Socket closed": "it broke off",
}
_OTHERWISE = "it cannot be reached"


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


def streamed(
    service: str, call: Callable[[], "grpc._CallIterator[Message]"]
) -> Generator[Message, None, None]:
    """The answers of a call that streams them, with its failure translated.

    Whoever leaves the loop early, as a run does that is stopped, ends the call: nobody waits for the rest of it.
    """
    with translated(service):
        answers = call()
        try:
            yield from answers
        finally:
            answers.cancel()


def prefetch(items: Iterator[Item]) -> Iterator[Item]:
    """The items in their order; a thread takes the next one while the caller has the last."""

    def take() -> Item | None:
        return next(items, None)

    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        # Calls in a thread carry the request id of the caller.
        taken = pool.submit(copy_context().run, take)
        while (item := taken.result()) is not None:
            taken = pool.submit(copy_context().run, take)
            yield item


def in_flight(ask: Callable[[Item], Answer], items: Iterable[Item], *, at_most: int) -> list[Answer]:
    """The answers in the order of the items, so many asked for at the same time. The first error is raised."""
    with ThreadPoolExecutor(at_most, thread_name_prefix="in-flight") as pool:
        asked = [pool.submit(copy_context().run, ask, item) for item in items]
        return [answer.result() for answer in asked]


def _named(service: str, error: RemoteError) -> RemoteError:
    if error.code not in _SILENCE or error.reason != error.code.name:
        return error
    log.warning("a service does not answer", service=service, code=error.code.name, details=error.message)
    message = (
        f"The {service} service does not answer ({_briefly(error.message)}): start it, or see its log. "
        "`reclass doctor` looks at every part."
    )
    return RemoteError(code=error.code, message=message, reason=SERVICE_DOWN)


def _briefly(details: str) -> str:
    return next((said for sign, said in _BRIEFLY.items() if sign in details), _OTHERWISE)
