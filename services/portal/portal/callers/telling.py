"""Tells inference every few seconds which tokens are valid, so that a hand-over that was missed heals."""

import threading

from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from runtime.errors import RemoteError
from runtime.telemetry import get_logger

from portal.callers.tokens import hand_over_to
from portal.configuration import PortalSettings
from portal.remote.callers import callers_at_hand

log = get_logger(__name__)
# A revocation acts within ten seconds of inference's return, an answer that takes its time included.
EVERY_SECONDS = 4.0


class Telling:
    """A thread beside the work of a worker."""

    def __init__(self, settings: PortalSettings, every_seconds: float = EVERY_SECONDS) -> None:
        self._settings = settings
        self._every_seconds = every_seconds
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="callers", daemon=True)
        self._said = ""

    def __enter__(self) -> "Telling":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(timeout=self._every_seconds)

    def _tell(self) -> None:
        with callers_at_hand(self._settings) as inference:
            while True:
                try:
                    if hand_over_to(inference):
                        log.info("inference knows the valid tokens again")
                    self._said = ""
                except (RemoteError, DatabaseError) as error:
                    self._complain(str(error))
                # The next round begins with a connection that works.
                close_old_connections()
                if self._ending.wait(self._every_seconds):
                    connection.close()
                    return

    def _complain(self, message: str) -> None:
        if message != self._said:
            log.warning("inference cannot be told which tokens are valid", error=message)
        self._said = message
