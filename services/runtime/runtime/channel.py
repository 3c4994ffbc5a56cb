"""A channel to another service: every call has a deadline, carries the request id, and outlives a restart.

Where a name stands for several servers (a headless Service of Kubernetes), calls go to all of them in turn; one that
dies or falls silent is left out until it is back.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grpc

from runtime.addresses import SCHEMES
from runtime.settings import is_one_word
from runtime.telemetry import REQUEST_ID_HEADER, request_id

# A restart takes seconds, so the waits reach that far; gRPC spreads them by chance. UNAVAILABLE alone: the call
# reached no server, or its server died of something else. Every other code is an answer.
RETRY_POLICY = {
    "initialBackoff": "0.5s",
    "maxBackoff": "5s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
ATTEMPTS = 5
# For a caller who is told soon: about a second and a half in all, in which a connection that was lost is made anew.
BRIEFLY = 3
# A server that keeps failing is not helped by five times the calls. The budget covers all calls that a restart breaks
# off at once, and grows back by half a token with each success.
RETRY_BUDGET = {"maxTokens": 500, "tokenRatio": 0.5}
# A peer that vanished without a word (a node that lost power) is noticed after a ping and its time limit.
PING_SECONDS = 5.0
PING_TIMEOUT_SECONDS = 5.0
# A host that swallows what is sent to it refuses nothing; gRPC's own limit for making a connection is 20 s.
CONNECT_TIMEOUT_SECONDS = 5.0
# Our own parts are on this machine or its own network; a proxy of the environment does not know the way to them.
NO_PROXY = ("grpc.enable_http_proxy", 0)


def open_channel(
    target: str,
    *,
    token: str | None = None,
    timeout_seconds: float = 30.0,
    max_message_bytes: int = 80 * 1024 * 1024,
    sent_once: Sequence[str] = (),
    ping_seconds: float = PING_SECONDS,
    patient: bool = True,
    attempts: int | None = None,
) -> grpc.Channel:
    """A channel to `target` ("host:port", or an address with gRPC's scheme: "ipv4:10.0.0.1:80,10.0.0.2:80").

    `timeout_seconds` is the deadline of calls that name none. Calls are repeated when their service dies, as every
    contract allows. The methods in `sent_once` ("package.Service/Method") are not: their caller wants to know that an
    answer was lost. Where `patient` is false a call fails at once when nobody listens at the target; else it waits
    until its deadline for a server to come, or to come back. `attempts` is how often a call is sent in all; without it
    a patient channel sends it 5 times, another one once.
    """
    if token is not None and not is_one_word(token):
        raise ValueError("a token is one word of plain characters, without a line break; this one is not")
    channel = grpc.insecure_channel(
        address(target),
        options=[
            NO_PROXY,
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", max_message_bytes),
            (
                "grpc.service_config",
                json.dumps(_service_config(sent_once, attempts or (ATTEMPTS if patient else 1))),
            ),
            ("grpc.enable_retries", 1),
            # A service that comes back must be found within seconds, not after gRPC's default of two minutes.
            ("grpc.max_reconnect_backoff_ms", 2000),
            ("grpc.min_reconnect_backoff_ms", int(CONNECT_TIMEOUT_SECONDS * 1000)),
            # So must one that comes back elsewhere; the default is half a minute between two look-ups.
            ("grpc.dns_min_time_between_resolutions_ms", 2000),
            ("grpc.keepalive_time_ms", int(ping_seconds * 1000)),
            # The first is what counts in today's gRPC (its own default is a minute), the second what its docs name.
            ("grpc.http2.ping_timeout_ms", int(PING_TIMEOUT_SECONDS * 1000)),
            ("grpc.keepalive_timeout_ms", int(PING_TIMEOUT_SECONDS * 1000)),
            ("grpc.keepalive_permit_without_calls", 1),
            # While a long call waits for its answer nothing but pings is sent.
            ("grpc.http2.max_pings_without_data", 0),
        ],
    )
    return grpc.intercept_channel(channel, _CallDefaults(token, timeout_seconds, patient))


def address(target: str) -> str:
    """The target with its scheme; a name is looked up in DNS, and all of its addresses are used."""
    return target if target.startswith(SCHEMES) else f"dns:///{target}"


def _service_config(sent_once: Sequence[str], attempts: int) -> dict[str, Any]:
    """gRPC takes the entry that names a method before the one that names none."""
    once = [dict(zip(("service", "method"), name.split("/"), strict=True)) for name in sent_once]
    balanced: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if attempts == 1:
        return balanced
    return {
        **balanced,
        "retryThrottling": RETRY_BUDGET,
        "methodConfig": [
            {"name": [{}], "retryPolicy": {"maxAttempts": attempts, **RETRY_POLICY}},
            *([{"name": once}] if once else []),
        ],
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
    def __init__(self, token: str | None, timeout_seconds: float, patient: bool) -> None:
        self._token = token
        self._timeout_seconds = timeout_seconds
        self._patient = patient

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
            wait_for_ready=self._patient if details.wait_for_ready is None else details.wait_for_ready,
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
