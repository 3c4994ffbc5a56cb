"""Failed calls as this program's own exceptions."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc
from runtime.errors import RemoteError

Message = TypeVar("Message")


@contextmanager
def translated() -> Iterator[None]:
    """Raise `RemoteError` where gRPC raises its own."""
    try:
        yield
    except grpc.RpcError as error:
        raise RemoteError.from_rpc(error) from error


def streamed(messages: Iterable[Message]) -> Iterator[Message]:
    """The messages of a stream, with its failure translated."""
    with translated():
        yield from messages
