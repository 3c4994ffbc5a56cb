"""Serve a catalogue as a Plex server would: `python -m standalone.plex_stand_in --catalogue FILE --state DIR`."""

import argparse
import os
import signal
import sys
from pathlib import Path

from runtime.telemetry import configure_logging, get_logger

from standalone.plex_stand_in.catalogue import Catalogue
from standalone.plex_stand_in.server import listen, server
from standalone.plex_stand_in.world import World

log = get_logger(__name__)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m standalone.plex_stand_in", description=__doc__)
    parser.add_argument("--catalogue", type=Path, required=True, help="JSON that Catalogue.save wrote")
    parser.add_argument("--state", type=Path, required=True, help="folder for genres, locks and edits")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=32400, help="port to listen on (%(default)s)")
    parser.add_argument("--token", default=token(), help="or STAND_IN_TOKEN, or STAND_IN_TOKEN_FILE")
    parsed = parser.parse_args()
    if not parsed.token:
        parser.error("--token, STAND_IN_TOKEN or STAND_IN_TOKEN_FILE must say which token to accept")
    return parsed


def token() -> str | None:
    """The token from the environment, or from the file that the environment names."""
    file = os.environ.get("STAND_IN_TOKEN_FILE")
    return os.environ.get("STAND_IN_TOKEN") or (Path(file).read_text().strip() if file else None)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    given = arguments()
    configure_logging(service="stand-in")
    try:
        listening = listen(given.host, given.port)
    except OSError as error:
        raise SystemExit(f"cannot listen on {given.host}:{given.port}: {error.strerror}") from error
    world = World(Catalogue.load(given.catalogue), given.state)
    log.info("listening", host=given.host, port=listening.getsockname()[1], state=str(given.state))
    # uvicorn raises the signal that stopped it once more at its end; by default that would look like a crash.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        server(world, given.token).run(sockets=[listening])
    finally:
        world.close()


if __name__ == "__main__":
    main()
