"""The Plex connection as the settings page sees it: handed to sync, asked for where it comes from, and tried."""

from django.conf import settings
from runtime.errors import RemoteError

from portal.remote.plex import PlexConnection
from portal.remote.sync import sync_at_hand

TIMEOUT_SECONDS = 2.0
# A person waits for the outcome; sync itself gives up on Plex sooner.
CHECK_TIMEOUT_SECONDS = 15.0


def connection_now() -> tuple[PlexConnection | None, str]:
    """Where address and token come from; None, and why, when sync does not say."""
    try:
        with sync_at_hand(settings.RECLASS) as sync:
            return sync.connection(timeout_seconds=TIMEOUT_SECONDS), ""
    except RemoteError as error:
        return None, error.message


def connect(*, url: str, token: str) -> str:
    """Hand them over to be tried and kept; what answered, as a sentence.

    Raises `RemoteError`, which never quotes them; the connection from before is then still there.
    """
    with sync_at_hand(settings.RECLASS) as sync:
        server = sync.set_connection(url=url, token=token, timeout_seconds=CHECK_TIMEOUT_SECONDS)
    if not server.supports_track_genres:
        return (
            f"“{server.name}” answers, but its version {server.version} has no genres on tracks: update it."
        )
    return f"“{server.name}” (version {server.version}) answers and accepts the token."
