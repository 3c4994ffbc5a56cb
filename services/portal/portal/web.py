"""Serves the portal's pages with gunicorn."""

import sys
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from portal.configuration import PortalSettings


class PlainLogger(Logger):
    """Hands gunicorn's lines to the process's own log, which has one format for all."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Web(BaseApplication):
    """The portal under gunicorn: one process, several threads, so that the process can be small and its caches one."""

    def __init__(self, settings: PortalSettings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Say what the settings mean to gunicorn."""
        options: dict[str, Any] = {
            "bind": f"{self._settings.host}:{self._settings.port}",
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
        from portal.wsgi import application  # importing it loads Django's settings

        return application


def run(settings: PortalSettings) -> None:
    """Serve until SIGTERM or SIGINT; pages in progress are finished first."""
    if not settings.secret_key.get_secret_value():
        sys.exit("settings: PORTAL_SECRET_KEY is not set: any long random text; it signs the sessions.")
    Web(settings).run()
