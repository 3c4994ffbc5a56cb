"""What can go wrong with a call, by type, reason and sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from reclass.features.v1 import features_pb2

from reclass_client.rich_status import error_info

# Trying again may help after these, unless the service says otherwise.
TRANSIENT = {
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "ABORTED",
    "INTERNAL",
    "UNKNOWN",
    "CANCELLED",
}
DETAILS_KEY = "grpc-status-details-bin"
REQUEST_ID_KEY = "x-request-id"


class ReclassError(Exception):
    """A call that failed, or one song of many. Its text says what happened and what to do."""

    def __init__(
        self,
        *,
        code: str,
        message: str,
        reason: str = "",
        domain: str = "",
        permanent: bool | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        """Name of the canonical gRPC code, for example "NOT_FOUND"."""
        self.reason = reason or code
        """Tells cases apart for programs, for example "AUDIO_NOT_FOUND"."""
        self.domain = domain
        """The service that found it, for example "reclass.features"."""
        self.message = message
        self.permanent = code not in TRANSIENT if permanent is None else permanent
        """Trying the same again cannot help."""
        self.request_id = request_id
        """Finds the call in the logs of the services; empty for a song of many."""


class InvalidRequestError(ReclassError):
    """The request or the audio makes no sense: a wrong vector, a file that is no audio, too short, too long, silent."""


class BadArgumentError(InvalidRequestError, ValueError):
    """What this program was given cannot be asked: nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(code="INVALID_ARGUMENT", reason="BAD_ARGUMENT", message=message, permanent=True)


class AudioDamagedError(InvalidRequestError):
    """The file is audio, and damaged or cut short in the part that is analysed."""


class AudioNotFoundError(ReclassError):
    """There is no such file or track."""


class ModelUnknownError(ReclassError):
    """There is no such model; the text names those that are kept."""


class NotAllowedError(ReclassError):
    """A mapping or a link leads out of the media folders, or the token does not open this method."""


class NotPossibleError(ReclassError):
    """Something must be set up first: a folder mounted, a model repaired."""


class NotSupportedError(ReclassError):
    """What answers there does not know the call: another version of the service, or another program."""


class TokenRefusedError(ReclassError):
    """The service asks for a token, and none or another one was sent."""


class TokenMissingError(TokenRefusedError):
    """No token was sent."""


class TokenInvalidError(TokenRefusedError):
    """A token was sent that the service does not know: mistyped, or revoked."""


class LimitExceededError(ReclassError):
    """More than the service takes; its text says what to do instead."""


class ContentTooLargeError(LimitExceededError):
    """The file is too large to be sent as bytes: send its path or rating key."""


class TooManyCallsError(LimitExceededError):
    """Too many calls at once: wait a second, or use `classify_many`."""


class TimedOutError(ReclassError):
    """It took longer than `timeout`, or than the service allows for a song."""


class UnavailableError(ReclassError):
    """The service, or one that it needs, does not answer. Calls have been repeated for some seconds already."""


class BusyError(ReclassError):
    """Something else is at work that excludes this: a training, or another switch of models. Repeat it later."""


class CallCancelledError(ReclassError):
    """The call was given up: the client was closed, or the service is being stopped."""


class ServiceFailedError(ReclassError):
    """A fault of the service itself: its log has more, under `request_id`."""


class FileUnreadableError(ReclassError):
    """A file of this machine could not be read; nothing was sent."""


BY_CODE: dict[str, type[ReclassError]] = {
    "CANCELLED": CallCancelledError,
    "UNKNOWN": ServiceFailedError,
    "INVALID_ARGUMENT": InvalidRequestError,
    "DEADLINE_EXCEEDED": TimedOutError,
    "NOT_FOUND": AudioNotFoundError,
    "ALREADY_EXISTS": NotPossibleError,
    "PERMISSION_DENIED": NotAllowedError,
    "RESOURCE_EXHAUSTED": LimitExceededError,
    "FAILED_PRECONDITION": NotPossibleError,
    "ABORTED": BusyError,
    "OUT_OF_RANGE": InvalidRequestError,
    "UNIMPLEMENTED": NotSupportedError,
    "INTERNAL": ServiceFailedError,
    "UNAVAILABLE": UnavailableError,
    "DATA_LOSS": AudioDamagedError,
    "UNAUTHENTICATED": TokenRefusedError,
}
"""Every code of gRPC but OK, which is no error."""
BY_REASON: dict[str, type[ReclassError]] = {
    "TOKEN_REQUIRED": TokenMissingError,
    "TOKEN_INVALID": TokenInvalidError,
    "CONTENT_TOO_LARGE": ContentTooLargeError,
    "TOO_MANY_CALLS": TooManyCallsError,
    "MODEL_UNKNOWN": ModelUnknownError,
}
NAMES = {code.value[0]: code.name for code in grpc.StatusCode if code is not grpc.StatusCode.OK}
TOO_LARGE_FOR_GRPC = "message larger than max"
"""How gRPC itself words it, before the service has seen the call."""
ADVICE = {
    "UNAVAILABLE": "the service cannot be reached; see that it runs, and that the target is its host:port",
    "DEADLINE_EXCEEDED": "no answer came in time; see that the service runs, or wait longer",
}
"""What to do, by code, where gRPC alone says that something went wrong: its own words name a cause at most."""


@contextmanager
def translated() -> Iterator[None]:
    """gRPC's failure as ReclassError."""
    try:
        yield
    except grpc.RpcError as error:
        raise error_of_call(error) from error


def made(*, code: str, reason: str, **fields: Any) -> ReclassError:
    """The error of the type that fits."""
    kind = BY_REASON.get(reason) or BY_CODE.get(code, ServiceFailedError)
    return kind(code=code, reason=reason, **fields)


def error_of_song(error: features_pb2.SongError) -> ReclassError:
    """The error of one song of many."""
    return made(
        code=NAMES.get(error.code, "UNKNOWN"),
        reason=error.reason,
        domain=error.domain,
        message=error.message,
        permanent=error.permanent,
    )


def error_of_call(error: grpc.RpcError) -> ReclassError:
    """The error of a call that failed."""
    code: str = error.code().name
    message: str = error.details() or code
    pairs: Any = error.trailing_metadata() or ()
    trailers: dict[str, Any] = dict([*pairs])
    request_id = str(trailers.get(REQUEST_ID_KEY, ""))
    try:
        info = error_info(bytes(trailers.get(DETAILS_KEY, b"")))
    except DecodeError:
        info = None
    if info:
        return made(
            code=code,
            reason=info.reason,
            domain=info.domain,
            message=message,
            permanent=info.metadata.get("permanent") == "true",
            request_id=request_id,
        )
    if code == "RESOURCE_EXHAUSTED" and TOO_LARGE_FOR_GRPC in message:
        advice = f"{message}. The file is too large to be sent: send its path or its rating key instead"
        return made(
            code=code, reason="CONTENT_TOO_LARGE", message=advice, permanent=True, request_id=request_id
        )
    if code in ADVICE:
        message = f"{ADVICE[code]} (gRPC: {message})"
    return made(code=code, reason="", message=message, request_id=request_id)
