"""A channel to another service: every call has a deadline, carries the request id, and outlives a restart."""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grpc

from runtime.telemetry import REQUEST_ID_HEADER, request_id

# A restart takes seconds, so the waits reach that far.
RETRY_POLICY = {
    "maxAttempts": 5,
    "initialBackoff": "0.5s",
    "maxBackoff": "5s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def open_channel(
    target: str,
    *,
    token: str | None = None,
    timeout_seconds: float = 30.0,
    max_message_bytes: int = 80 * 1024 * 1024,
    sent_once: Sequence[str] = (),
) -> grpc.Channel:
    """A channel to `target` ("host:port"). `timeout_seconds` is the deadline of calls that name none.

    Calls are repeated when their service dies, as every contract allows. The methods in `sent_once`
    ("package.Service/Method") are not: their caller wants to know that an answer was lost.
    """
    channel = grpc.insecure_channel(
        target,
        options=[
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", max_message_bytes),
            ("grpc.service_config", json.dumps(_service_config(sent_once))),
            ("grpc.enable_retries", 1),
            # A service that comes back must be found within seconds, not after gRPC's default of two minutes.
            ("grpc.max_reconnect_backoff_ms", 2000),
        ],
    )
    return grpc.intercept_channel(channel, _CallDefaults(token, timeout_seconds))


def _service_config(sent_once: Sequence[str]) -> dict[str, Any]:
    """gRPC takes the entry that names a method before the one that names none."""
    once = [dict(zip(("service", "method"), name.split("/"), strict=True)) for name in sent_once]
    return {
        "methodConfig": [
            {"name": [{}], "retryPolicy": RETRY_POLICY},
            *([{"name": once}] if once else []),
        ]
    }


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _CallDefaults(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    def __init__(self, token: str | None, timeout_seconds: float) -> None:
        self._token = token
        self._timeout_seconds = timeout_seconds

    def _details(self, details: Any) -> _Details:
        metadata = list(details.metadata or ())
        bound = request_id()
        if bound:
            metadata.append((REQUEST_ID_HEADER, bound))
        if self._token:
            metadata.append(("authorization", f"Bearer {self._token}"))
        return _Details(
            method=details.method,
            timeout=self._timeout_seconds if details.timeout is None else details.timeout,
            metadata=metadata,
            credentials=details.credentials,
            wait_for_ready=True if details.wait_for_ready is None else details.wait_for_ready,
            compression=details.compression,
        )

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return continuation(self._details(details), request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return continuation(self._details(details), request)

    def intercept_stream_unary(self, continuation: Callable[..., Any], details: Any, requests: Any) -> Any:
        return continuation(self._details(details), requests)

    def intercept_stream_stream(self, continuation: Callable[..., Any], details: Any, requests: Any) -> Any:
        return continuation(self._details(details), requests)
