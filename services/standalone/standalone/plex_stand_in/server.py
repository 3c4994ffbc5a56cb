"""The stand-in as a running server: in this process for tests, or the whole of a process of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from standalone.plex_stand_in.behaviour import Behaviour
from standalone.plex_stand_in.catalogue import Catalogue
from standalone.plex_stand_in.control import REFUSALS, Control, refused
from standalone.plex_stand_in.front import Front
from standalone.plex_stand_in.plex_api import PlexApi, html_error
from standalone.plex_stand_in.song_list_api import SongListApi
from standalone.plex_stand_in.world import World


@dataclass(frozen=True, kw_only=True)
class RunningStandIn:
    """Where a stand-in of this process answers."""

    url: str
    port: int
    token: str
    world: World
    """Read it between requests only; change it through the control interface."""


def application(world: World, token: str) -> Front:
    """Plex's addresses and ours behind one front."""
    control = Control(world)
    app = Starlette(
        routes=[*PlexApi(world).routes(), *SongListApi(world).routes(), *control.routes()],
        exception_handlers={HTTPException: html_error, **dict.fromkeys(REFUSALS, refused)},
    )
    control.front = Front(app, world, token)
    return control.front


def listen(host: str, port: int) -> socket.socket:
    """A socket that already takes connections, so that nobody has to wait for the server."""
    listening = socket.create_server((host, port), backlog=256)
    # asyncio does this only for sockets that name their protocol; without it small answers wait 40 ms for an ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def server(world: World, token: str) -> uvicorn.Server:
    """A server that has yet to be run on a socket. h11 because faults reach below ASGI to its transport."""
    config = uvicorn.Config(
        application(world, token),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


@contextmanager
def running_stand_in(
    catalogue: Catalogue,
    state: Path,
    *,
    token: str,
    port: int = 0,
    behaviour: Behaviour | None = None,
) -> Iterator[RunningStandIn]:
    """A stand-in on a thread of this process, on a free port unless one is given."""
    world = World(catalogue, state, behaviour)
    listening = listen("127.0.0.1", port)
    number: int = listening.getsockname()[1]
    running = server(world, token)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, name="stand-in")
    thread.start()
    try:
        yield RunningStandIn(url=f"http://127.0.0.1:{number}", port=number, token=token, world=world)
    finally:
        running.should_exit = True
        thread.join()
        world.close()
