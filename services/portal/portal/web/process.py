"""Serves the portal's pages."""

import logging
import sys

from runtime.telemetry import get_logger

from portal.configuration import KEY_REMEDY, PortalSettings
from portal.preferences.values import Preferences
from portal.web.server import LongAnswers, serve

REFUSING_THREADS = 4
"""Which say that no more songs can be sent at a time."""
log = get_logger(__name__)


def run(settings: PortalSettings) -> None:
    """Serve until SIGTERM or SIGINT; pages in progress are finished first."""
    if not settings.secret_key.get_secret_value():
        sys.exit(f"settings: PORTAL_SECRET_KEY is not set; it signs the sessions: {KEY_REMEDY}.")
    wanted = _preferences()
    from django.conf import settings as django_settings
    from django.core.wsgi import get_wsgi_application

    from portal.pages.songs import audio

    application = get_wsgi_application()
    django_settings.DEBUG = wanted.debug
    # It counts what waits for a thread, which is no trouble.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    log.info("serving pages", host=wanted.web_host, port=wanted.web_port)
    serve(
        application,
        host=wanted.web_host,
        port=wanted.web_port,
        threads=settings.web_threads,
        request_seconds=settings.request_seconds,
        grace_seconds=settings.shutdown_grace_seconds,
        long_answers=LongAnswers(path=audio.PATH, threads=audio.STREAMS + REFUSING_THREADS),
    )


def _preferences() -> Preferences:
    """The settings as they stand at the start; while the database is away, those of the environment."""
    from portal.setup import set_up_django

    set_up_django()
    from django.db import OperationalError, ProgrammingError, connection

    from portal.preferences.current import held_alone, preferences

    try:
        return preferences()
    except (OperationalError, ProgrammingError) as error:
        log.warning("the settings cannot be read from the database; addresses may differ", error=str(error))
        return held_alone()
    finally:
        connection.close()  # this thread serves no page
