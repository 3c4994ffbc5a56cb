"""Run the service: `python -m sync`, settings from the environment."""

from runtime.server import serve
from runtime.telemetry import configure_logging, get_logger

from sync.library import PlexMusic
from sync.plex import Plex, PlexAddress, Timeouts
from sync.servicer import SERVICE_NAME, SyncServicer
from sync.settings import SyncSettings


def plex_address(settings: SyncSettings) -> PlexAddress | None:
    """The server to talk to, where both parts of it are set."""
    if settings.plex_url is None or settings.plex_token is None:
        return None
    return PlexAddress(url=settings.plex_url, token=settings.plex_token.get_secret_value())


def main() -> None:
    """Serve until SIGTERM."""
    settings = SyncSettings.load()
    configure_logging(service="sync", level=settings.log_level, log_format=settings.log_format)
    address = plex_address(settings)
    if address is None:
        get_logger(__name__).warning(
            "no Plex server is configured", needed=["SYNC_PLEX_URL", "SYNC_PLEX_TOKEN"]
        )
    timeouts = Timeouts(
        connect_seconds=settings.connect_timeout_seconds, read_seconds=settings.read_timeout_seconds
    )
    music = PlexMusic(Plex(address, timeouts))
    serve(settings, {SERVICE_NAME: SyncServicer(music).register}, close=music.close)


if __name__ == "__main__":
    main()
