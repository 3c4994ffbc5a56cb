"""A service that does not answer: why, in words that a person understands, whatever gRPC says."""

import grpc
import pytest
from portal.remote.calls import translated
from runtime.errors import RemoteError


class Silence(grpc.RpcError):
    """gRPC's own exception."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__()
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[()]:
        return ()


@pytest.mark.parametrize(
    ("details", "says"),
    [
        ("failed to connect to all addresses; last error: ipv4:127.0.0.1:9: Connection refused (111)", "nothing"),
        ("connections to all backends failing; last error: UNKNOWN: ipv4:127.0.0.1:41741: connection attempt timed out "
         "before receiving SETTINGS frame", "it is silent"),
        ("Deadline Exceeded", "it is silent"),
        ("recvmsg:Connection reset by peer", "it broke off"),
        ("sendmsg: No route to host (113)", "its machine cannot be reached"),
        ("whatever the next version of gRPC calls it {grpc_status:14}", "it cannot be reached"),
    ],
)  # fmt: skip
def test_why_a_service_does_not_answer_is_said_without_addresses(details: str, says: str) -> None:
    code = grpc.StatusCode.DEADLINE_EXCEEDED if "Deadline" in details else grpc.StatusCode.UNAVAILABLE
    with pytest.raises(RemoteError) as raised, translated("inference"):
        raise Silence(code, details)
    assert raised.value.message.startswith(f"The inference service does not answer ({says}")
    assert "error" not in raised.value.message
    assert "ipv4" not in raised.value.message
