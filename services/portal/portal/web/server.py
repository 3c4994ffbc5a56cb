"""The HTTP server of the pages: waitress, with limits of time and memory, and own threads for health and for sound.

waitress hands a request to a thread only when all of it has arrived: one that never ends holds a socket, and no thread.
"""

import re
import signal
import threading
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

# Liveness may not wait for readiness, which waits for the database.
HEALTH_THREADS = {"/livez": 1, "/healthz": 2}
CONNECTIONS = 800
"""Held at once; fewer than the files that a process may open on most systems."""
IDLE_SECONDS = 30
"""For which a connection stays open between two requests, or while nothing of an answer is read."""
LARGEST_HEAD_BYTES = 32 * 1024
LARGEST_BODY_BYTES = 4 * 1024 * 1024
"""No page takes files; Django refuses forms of more than 2.5 MiB."""
SMALL_BODY_BYTES = 64 * 1024
HELD_BYTES = 32 * 1024 * 1024
"""Of bodies that have not been answered, all together; beyond it only small ones are read on."""


WAITING_BYTES = 128 * 1024
"""Of a long answer that its browser has yet to take; its thread makes more only then."""


@dataclass(frozen=True, kw_only=True)
class LongAnswers:
    """Answers that a browser takes for minutes, as it plays a song."""

    path: re.Pattern[str]
    """Of their addresses."""
    threads: int
    """For them alone: one more than may be sent at once can say so."""

    def has(self, request: Any) -> bool:
        """Whether the answer to this request is one."""
        # A request that cannot be understood has no path.
        return self.path.fullmatch(getattr(request, "path", "")) is not None


NO_LONG_ANSWERS = LongAnswers(path=re.compile(r"(?!)"), threads=0)


class Lanes:
    """Threads for pages, others for long answers, and others for each path of health: none waits for another."""

    def __init__(self, page_threads: int, long_answers: LongAnswers = NO_LONG_ANSWERS) -> None:
        self._pages, self._long = _threads(page_threads), _threads(long_answers.threads)
        self._long_answers = long_answers
        self._health = {path: _threads(count) for path, count in HEALTH_THREADS.items()}

    def add_task(self, channel: HTTPChannel) -> None:
        """Have the connection's first request answered."""
        request = channel.requests[0]
        others = self._long if self._long_answers.has(request) else self._pages
        self._health.get(getattr(request, "path", ""), others).add_task(channel)


class Channel(HTTPChannel):
    """A connection that knows since when it has been sending a request."""

    begun: float | None = None
    waits = False
    """Whether its next request waits until the answer before has been taken."""

    def received(self, data: bytes) -> bool:
        """Take what has arrived."""
        if self.begun is None:
            self.begun = time.time()
        taken = bool(super().received(data))
        if self.request is None:
            self.begun = None
        return taken

    def readable(self) -> bool:
        """Whether more may be read from it."""
        if self.body_bytes() > SMALL_BODY_BYTES and self.server.held_bytes > HELD_BYTES:
            return False
        return bool(super().readable())

    def service(self) -> None:
        """Answer the first request, in the thread that was found for it."""
        self.adj = self.server.adjustments_for(self.requests[0])
        super().service()

    def body_bytes(self) -> int:
        """What it holds of bodies."""
        requests = [*self.requests, *([self.request] if self.request else [])]
        return sum(request.body_bytes_received for request in requests)


class Server(TcpWSGIServer):
    """One address that is listened on."""

    channel_class = Channel
    request_seconds = 20.0
    """Within which a request must have arrived."""
    held_bytes = 0
    long_answers = NO_LONG_ANSWERS

    def adjustments_for(self, request: Any) -> Adjustments:
        """How the answer is sent: a page is made at once, whoever takes it; of a long answer little waits."""
        if not self.long_answers.has(request):
            return self.adj
        adjusted = copy(self.adj)
        adjusted.outbuf_high_watermark = WAITING_BYTES
        adjusted.send_bytes = 1  # the first sound is not held back until there is more
        return adjusted

    def readable(self) -> bool:
        """Asked before each look at the sockets."""
        channels = self.active_channels.values()
        self.held_bytes = sum(channel.body_bytes() for channel in channels)
        for channel in channels:
            if channel.waits:
                self.add_task(channel)
        return bool(super().readable())

    def add_task(self, task: Channel) -> None:
        """Have a request answered, once its browser has taken the answer before: else a thread would wait for that."""
        task.waits = task.total_outbufs_len >= self.adj.send_bytes
        if not task.waits:
            super().add_task(task)

    def maintenance(self, now: float) -> None:
        """Close the connections that are too slow."""
        for channel in list(self.active_channels.values()):
            if channel.begun is not None:
                channel.will_close |= channel.begun < now - self.request_seconds
            elif channel.total_outbufs_len:
                # Its socket is full, and would never be looked at again.
                if channel.last_activity < now - IDLE_SECONDS:
                    channel.handle_close()
            elif not channel.requests:
                channel.will_close |= channel.last_activity < now - IDLE_SECONDS

    def is_busy(self) -> bool:
        """Whether an answer is being made or sent; who plays a song asks for the rest of it by himself."""
        channels = (each for each in self.active_channels.values() if each.adj is self.adj)
        return any(channel.requests or channel.total_outbufs_len for channel in channels)

    def stop_listening(self) -> None:
        """Take no more connections; those that are open stay."""
        wasyncore.dispatcher.close(self)


def serve(
    application: Callable[..., Any],
    *,
    host: str,
    port: int,
    threads: int,
    request_seconds: float,
    grace_seconds: float,
    long_answers: LongAnswers,
) -> None:
    """Serve until SIGTERM or SIGINT; pages in progress are finished first, within `grace_seconds`."""
    options = Adjustments(
        host=host,
        port=port,
        connection_limit=CONNECTIONS,
        max_request_header_size=LARGEST_HEAD_BYTES,
        max_request_body_size=LARGEST_BODY_BYTES,
        inbuf_overflow=SMALL_BODY_BYTES,
        outbuf_overflow=256 * 1024,
        cleanup_interval=1,
        asyncore_use_poll=True,  # select() ends at 1,024 files
        clear_untrusted_proxy_headers=False,  # portal.web.proxies does it, for many proxies
        ident=None,
    )
    sockets: dict[int, Any] = {}
    lanes = Lanes(threads, long_answers)
    servers = [
        Server(application, map=sockets, dispatcher=lanes, adj=options, sockinfo=address)
        for address in options.listen
    ]
    stopping = threading.Event()

    def stop(*_: object) -> None:
        stopping.set()
        servers[0].pull_trigger()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    for server in servers:
        server.request_seconds, server.long_answers = request_seconds, long_answers
    while not stopping.is_set():
        _look(sockets)
    for server in servers:
        server.stop_listening()
    deadline = time.monotonic() + grace_seconds
    while any(server.is_busy() for server in servers) and time.monotonic() < deadline:
        _look(sockets)


def _look(sockets: dict[int, Any]) -> None:
    wasyncore.loop(timeout=1, map=sockets, use_poll=True, count=1)


def _threads(count: int) -> ThreadedTaskDispatcher:
    threads = ThreadedTaskDispatcher()
    threads.set_thread_count(count)
    return threads
