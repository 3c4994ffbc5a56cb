"""Serves the portal's pages with gunicorn."""

import sys
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from runtime.telemetry import get_logger

from portal.configuration import PortalSettings
from portal.preferences.values import Preferences

log = get_logger(__name__)


class PlainLogger(Logger):
    """Hands gunicorn's lines to the process's own log, which has one format for all."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Web(BaseApplication):
    """The portal under gunicorn: one process, several threads, so that the process can be small and its caches one."""

    def __init__(self, settings: PortalSettings, wanted: Preferences) -> None:
        self._settings = settings
        self._wanted = wanted
        super().__init__()

    def load_config(self) -> None:
        """Say what the settings mean to gunicorn."""
        options: dict[str, Any] = {
            "bind": _address(self._wanted),
            "workers": 1,
            "worker_class": "gthread",
            "threads": self._settings.web_threads,
            "timeout": 120,
            "graceful_timeout": int(self._settings.shutdown_grace_seconds),
            # Nothing asks for it, and its socket needs a folder that may be read-only.
            "control_socket_disable": True,
            "logger_class": PlainLogger,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application; made here, after the fork, so that no connection is shared."""
        from django.conf import settings

        from portal.wsgi import application  # importing it loads Django's settings

        settings.DEBUG = self._wanted.debug
        return application


def run(settings: PortalSettings) -> None:
    """Serve until SIGTERM or SIGINT; pages in progress are finished first."""
    if not settings.secret_key.get_secret_value():
        sys.exit("settings: PORTAL_SECRET_KEY is not set: any long random text; it signs the sessions.")
    Web(settings, _preferences()).run()


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
        connection.close()  # the process that serves is a fork, and must not share it


def _address(wanted: Preferences) -> str:
    host = f"[{wanted.web_host}]" if ":" in wanted.web_host else wanted.web_host
    return f"{host}:{wanted.web_port}"
