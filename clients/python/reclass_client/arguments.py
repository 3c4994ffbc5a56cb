"""Refuses what cannot be asked, before anything is sent, as one kind of error."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from reclass_client.errors import BadArgumentError, ReclassError

LONGEST_SECONDS = 1e8
"""Three years; gRPC takes the moment of a much later deadline for one that is past."""


@contextmanager
def checked(what: str) -> Iterator[None]:
    """What protobuf and Python say of values that fit no field, as BadArgumentError."""
    try:
        yield
    except ReclassError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise BadArgumentError(f"{what}: {error}") from error


def text(value: object, name: str) -> str:
    """A string that can be sent."""
    if not isinstance(value, str):
        raise BadArgumentError(f"{name} is {value!r}; it must be a string")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # A file's name may be any bytes, and Python keeps those that are no UTF-8 as lone surrogates.
        raise BadArgumentError(
            f"{name} is {value!r}, which is no text that could be sent; send the file itself"
        ) from error
    return value


def header(token: object) -> str:
    """A token as it can stand in the metadata of a call: printable ASCII in one line."""
    if not isinstance(token, str):
        raise BadArgumentError("the token must be a string")
    if "\n" in token or "\r" in token:
        raise BadArgumentError("the token holds a line break: take off what stands around it (token.strip())")
    if token != token.strip() or not all(" " <= sign <= "~" for sign in token):
        raise BadArgumentError(
            "the token holds signs that no token has: blanks around it, or something else than printable ASCII"
        )
    return token


def require_credentials(credentials: object) -> None:
    """Refuse what is none of gRPC's."""
    if not isinstance(credentials, (grpc.ChannelCredentials, type(None))):
        raise BadArgumentError(
            f"credentials is {type(credentials).__name__}; it must be made by grpc.ssl_channel_credentials"
        )


def seconds(timeout: object) -> "float | None":
    """A deadline in seconds, or None for none."""
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0:
        raise BadArgumentError(f"timeout is {timeout!r}; it must be a number of seconds above 0, or None")
    return float(timeout) if timeout < LONGEST_SECONDS else None
