"""What stands before every answer: the token, the record of requests, and the faults that were asked for."""

import asyncio
import hmac
import time
from collections import deque
from typing import Any
from urllib.parse import parse_qs

from runtime.telemetry import get_logger
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from standalone.plex_stand_in.behaviour import Fault
from standalone.plex_stand_in.plex_api import error_page
from standalone.plex_stand_in.world import World

CONTROL = "/stand-in/"
OPEN_PATHS = {"/identity"}
PIECE_BYTES = 1024
PAGES = {
    "web_page": ("<!doctype html><p>Welcome to the router", "text/html"),
    "login_page": (
        '<html xmlns="http://www.w3.org/1999/xhtml"><head/><body><form action="/login"/></body></html>',
        "application/xhtml+xml",
    ),
}
"""What others than Plex answer; the second can be read as XML."""
log = get_logger(__name__)


class Front:
    """The outermost ASGI application."""

    def __init__(self, app: ASGIApp, world: World, token: str) -> None:
        self._app = app
        self._world = world
        self._token = token
        self.requests: deque[dict[str, Any]] = deque(maxlen=100_000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(CONTROL):
            await (self._app if self._allows(scope) else _page(401))(scope, receive, send)
            return
        fault = self._world.faults.strike(scope["method"], path)
        noted = self._note(scope, fault)
        if not self._allows(scope):
            await _page(401)(scope, receive, send)
            return
        scope["fault"] = fault
        await self._answer(fault, scope, receive, send)
        noted["state"] = "broken off" if _has_gone(send) else "answered"
        if fault is not None and fault.kind == "remove_after":
            self._world.remove(fault.rating_keys)
        if fault is not None and fault.kind == "change_after":
            self._world.change(fault.changes)

    def _allows(self, scope: Scope) -> bool:
        if scope["path"] in OPEN_PATHS:
            return True
        in_header: bytes = dict(scope["headers"]).get(b"x-plex-token", b"")
        in_query = parse_qs(scope["query_string"].decode()).get("X-Plex-Token", [""])[0]
        return hmac.compare_digest(in_header or in_query.encode(), self._token.encode())

    def _note(self, scope: Scope, fault: Fault | None) -> dict[str, Any]:
        """What is kept of the request; its state comes later, and is "broken off" where the client went away."""
        query = scope["query_string"].decode().replace(self._token, "(token)")
        wanted = dict(scope["headers"]).get(b"range", b"").decode("latin-1")
        noted = {"method": scope["method"], "path": scope["path"], "query": query, "range": wanted}
        self.requests.append({"time": time.time(), **noted, "fault": fault.kind if fault else None})
        log.info("request", **noted, fault=fault.kind if fault else None)
        return self.requests[-1]

    async def _answer(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.kind if fault else None:
            case "status" if fault:
                await _page(fault.status, fault.location)(scope, receive, send)
            case "web_page" | "login_page" as page:
                text, media_type = PAGES[page]
                await Response(text, media_type=media_type)(scope, receive, send)
            case "echo_token":
                await Response(f"rejected: {dict(scope['headers'])}", status_code=500)(scope, receive, send)
            case "hang":
                await _until_gone(receive)
            case "reset_before":
                _drop(send)
            case "reset_after":
                await self._app(scope, receive, _discard)
                _drop(send)
            case "slow" if fault:
                await self._app(scope, receive, _slowed(send, fault.seconds))
            case "shorten":
                await self._app(scope, receive, _Half(send, tells_length=False))
            case "cut":
                await self._app(scope, receive, _Half(send, tells_length=True))
            case _:
                await self._app(scope, receive, send)


def _page(status: int, location: str = "") -> Response:
    headers = {"Retry-After": "7"} if status in (429, 503) else {}
    if 300 <= status < 400:
        headers["Location"] = location
    return Response(error_page(status), status_code=status, media_type="text/html", headers=headers)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _discard(_: Message) -> None:
    return None


def _transport(send: Send) -> asyncio.Transport:
    """The socket below: uvicorn's `send` is a method of the cycle that holds it. ASGI itself cannot drop a client."""
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    return transport


def _has_gone(send: Send) -> bool:
    return bool(send.__self__.disconnected)  # type: ignore[attr-defined]


def _drop(send: Send) -> None:
    send.__self__.disconnected = True  # type: ignore[attr-defined] # or uvicorn would answer 500 for us
    _transport(send).abort()


def _slowed(send: Send, seconds: float) -> Send:
    async def slowly(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        body: bytes = message.get("body", b"")
        for start in range(0, len(body), PIECE_BYTES):
            await asyncio.sleep(seconds)
            piece = body[start : start + PIECE_BYTES]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({**message, "body": b""})

    return slowly


class _Half:
    """Sends half of the body.

    Where its length is told before, the connection ends as if all were sent; else only a client that knows the size
    notices.
    """

    def __init__(self, send: Send, *, tells_length: bool) -> None:
        self._send = send
        self._tells_length = tells_length
        self._left = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._left = int(dict(message["headers"])[b"content-length"]) // 2
            told = [each for each in message["headers"] if self._tells_length or each[0] != b"content-length"]
            await self._send({**message, "headers": told})
            return
        body: bytes = message.get("body", b"")[: self._left]
        self._left -= len(body)
        if not self._tells_length:
            await self._send({**message, "body": body})
        elif body:
            await self._send({"type": "http.response.body", "body": body, "more_body": True})
            if not self._left:
                self._send.__self__.disconnected = True  # type: ignore[attr-defined]
                _transport(self._send).close()
