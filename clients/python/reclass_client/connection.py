"""How the service is reached: the token, and channels that outlive restarts."""

import json
import os
from typing import Any, ClassVar

import grpc
from reclass.inference.v1 import inference_pb2_grpc

from reclass_client.addresses import address
from reclass_client.arguments import checked, header, require_credentials
from reclass_client.errors import BadArgumentError
from reclass_client.songs import read

# UNAVAILABLE alone is tried again: the call reached no service, or its service died. Every other code is an answer.
SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.5s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}
CHANNEL_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    # A service on one's own network is not reached through a proxy that the environment names for the web.
    ("grpc.enable_http_proxy", 0),
    # What a file may have is for the service to say.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # A service that vanished without a word is noticed within half a minute, while calls are in the works.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
]
LONGEST_TOKEN = 4096
"""In bytes; gRPC takes no longer header by much."""


class Connection:
    """What both clients are: a channel to the service at `target`, by which calls go with a token."""

    _grpc: ClassVar[Any] = grpc
    """Or its twin for asyncio."""

    def __init__(
        self,
        target: str = "127.0.0.1:50053",
        *,
        token: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._metadata = metadata(token)
        require_credentials(credentials)
        self._closed = False
        self._channel = (
            self._grpc.secure_channel(address(target), credentials, options=CHANNEL_OPTIONS)
            if credentials
            else self._grpc.insecure_channel(address(target), options=CHANNEL_OPTIONS)
        )
        self._stub = inference_pb2_grpc.InferenceServiceStub(self._channel)

    def _require_open(self) -> None:
        if self._closed:
            raise BadArgumentError("this client was closed: make another one")


def metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    """What goes with every call. Without an argument the token is that of RECLASS_TOKEN or RECLASS_TOKEN_FILE."""
    found = header(token if token is not None else token_of_environment())
    return (("authorization", f"Bearer {found}"),) if found else ()


def token_of_environment() -> str:
    """That of RECLASS_TOKEN, else in the file that RECLASS_TOKEN_FILE names, else none."""
    if os.environ.get("RECLASS_TOKEN"):
        return os.environ["RECLASS_TOKEN"]
    path = os.environ.get("RECLASS_TOKEN_FILE")
    if not path:
        return ""
    with checked("RECLASS_TOKEN_FILE names no file with a token"):
        # A device has no end; no token is so long, and what is no token is refused for what it is.
        return read(path, LONGEST_TOKEN).decode().strip()
