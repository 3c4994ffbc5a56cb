"""Run the service: `python -m sync`, settings from the environment."""

from runtime.server import serve
from runtime.telemetry import configure_logging, get_logger

from sync.connection import Connection, Parts
from sync.library import PlexMusic
from sync.plex import Plex, Timeouts
from sync.rights import LARGEST_REQUEST_BYTES, MAY_CALL
from sync.servicer import SERVICE_NAME, SyncServicer
from sync.settings import SyncSettings


def connection_of(settings: SyncSettings) -> Connection:
    """The connection as the environment says, and as it was handed over."""
    token = settings.plex_token.get_secret_value() if settings.plex_token else None
    return Connection(Parts(url=settings.plex_url, token=token), settings.folder)


def main() -> None:
    """Serve until SIGTERM."""
    settings = SyncSettings.load()
    configure_logging(service="sync", level=settings.log_level, log_format=settings.log_format)
    connection = connection_of(settings)
    if connection.trouble():
        get_logger(__name__).error(connection.trouble())
    elif connection.address() is None:
        get_logger(__name__).warning(
            "no Plex server is configured",
            needed=["address and token: in the portal, or SYNC_PLEX_URL, SYNC_PLEX_TOKEN"],
        )
    timeouts = Timeouts(
        connect_seconds=settings.connect_timeout_seconds, read_seconds=settings.read_timeout_seconds
    )
    music = PlexMusic(Plex(connection.address, timeouts, trouble=connection.trouble))
    serve(
        settings,
        {SERVICE_NAME: SyncServicer(music, connection).register},
        tables={SERVICE_NAME: MAY_CALL},
        max_request_bytes=LARGEST_REQUEST_BYTES,
        close=music.close,
    )


if __name__ == "__main__":
    main()
