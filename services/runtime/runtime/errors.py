"""Errors with a canonical code, a reason for programs and a sentence for people, on both ends of a call."""

from typing import Any, ClassVar, Self

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

# A caller may try again after these; what an error's class or an ErrorInfo says wins over this list.
TRANSIENT_CODES = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
    }
)
# A client takes 8 KiB of trailers, in which the sentence travels twice: percent-encoded, and with the details in
# base64. Beyond that it would get RESOURCE_EXHAUSTED in place of the error.
SENTENCE_BYTES = 6500
CUT = " [...]"


def short(sentence: str) -> str:
    """The sentence, cut where a status has no room for more: a path in it may be as long as somebody wants."""
    room: float = SENTENCE_BYTES
    for place, letter in enumerate(sentence):
        room -= 2.4 if " " <= letter <= "~" and letter != "%" else 4.4 * len(letter.encode(errors="replace"))
        if room < 0:
            return sentence[:place] + CUT
    return sentence


class ServiceError(Exception):
    """Root of every service's own errors. The message says in a sentence what happened and what to do."""

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    reason: ClassVar[str] = "INTERNAL"
    domain: ClassVar[str] = "reclass"
    permanent: ClassVar[bool] = False
    """Whether trying the same again cannot help: so it is unless the code is transient or the class says otherwise."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "code" in vars(cls) and "permanent" not in vars(cls):
            cls.permanent = cls.code not in TRANSIENT_CODES

    def status(self) -> Any:
        """The gRPC status that carries this error, to hand to `context.abort_with_status`."""
        return _status_of(self)


class RemoteError(Exception):
    """A failed call as its caller sees it; passed on unchanged, it keeps code, reason and message."""

    def __init__(
        self,
        *,
        code: grpc.StatusCode,
        message: str,
        reason: str = "",
        domain: str = "",
        permanent: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or code.name
        self.domain = domain
        self.permanent = permanent

    @classmethod
    def from_rpc(cls, error: grpc.RpcError) -> Self:
        """Read what the server said; a call that never reached one is UNAVAILABLE with gRPC's own words."""
        code: grpc.StatusCode = error.code()
        message: str = error.details() or code.name
        info = _error_info(error)
        if info is None:
            return cls(code=code, message=message, permanent=code not in TRANSIENT_CODES)
        return cls(
            code=code,
            message=message,
            reason=info.reason,
            domain=info.domain,
            permanent=info.metadata.get("permanent") == "true",
        )

    def status(self) -> Any:
        """The gRPC status that hands this error on."""
        return _status_of(self)


def _status_of(error: ServiceError | RemoteError) -> Any:
    """A google.rpc.Status with one ErrorInfo."""
    info = error_details_pb2.ErrorInfo(
        reason=error.reason,
        domain=error.domain,
        metadata={"permanent": "true" if error.permanent else "false"},
    )
    detail = any_pb2.Any()
    detail.Pack(info)
    number = code_pb2.Code.Value(error.code.name)
    return rpc_status.to_status(status_pb2.Status(code=number, message=short(str(error)), details=[detail]))


def _error_info(error: grpc.RpcError) -> error_details_pb2.ErrorInfo | None:
    if not isinstance(error, grpc.Call):
        return None
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        # The details are of another error than the code: a proxy, or gRPC itself, has put its own in front.
        return None
    for detail in status.details if status else ():
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            return info
    return None
