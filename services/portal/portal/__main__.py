"""The portal's processes: `python -m portal migrate | ensure-admin | web | worker`."""

import argparse
import logging
import sys

from runtime.telemetry import configure_logging

from portal.configuration import PortalSettings
from portal.preferences.environment import refuse_nonsense


def main(arguments: list[str] | None = None) -> int:
    """Run one process until it ends; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m portal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    migrate = commands.add_parser("migrate", help="wait for the database and bring its tables up to date")
    migrate.add_argument("--wait", type=float, default=60.0, metavar="SECONDS")
    commands.add_parser("ensure-admin", help="create the user admin once; a made-up password is printed")
    commands.add_parser("web", help="serve the pages")
    commands.add_parser("worker", help="work on what was asked for, until SIGTERM")
    chosen = parser.parse_args(arguments)

    settings = PortalSettings.load()
    refuse_nonsense()
    configure_logging(
        service=f"portal-{chosen.command}", level=settings.log_level, log_format=settings.log_format
    )
    if settings.log_level != "debug":
        # Four lines for every chunk and every look after the runs; what became of them is logged by the runs.
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
    if chosen.command == "migrate":
        return _migrate(chosen.wait)
    if chosen.command == "ensure-admin":
        return _ensure_admin(settings)
    return _worker(settings) if chosen.command == "worker" else _web(settings)


# Django's models can be imported only once Django is set up, hence the imports inside.


def _migrate(wait_seconds: float) -> int:
    from portal.setup import DatabaseUnreachableError, OtherVersionError, migrate, set_up_django

    set_up_django()
    try:
        migrate(wait_seconds=wait_seconds)
    except (DatabaseUnreachableError, OtherVersionError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _ensure_admin(settings: PortalSettings) -> int:
    from portal.setup import ensure_admin, set_up_django

    set_up_django()
    given = settings.admin_password.get_secret_value() if settings.admin_password else None
    made_up = ensure_admin(given)
    if made_up is not None:
        sys.stdout.write(f"{made_up}\n")
    return 0


def _web(settings: PortalSettings) -> int:
    from portal.web.process import run

    run(settings)
    return 0


def _worker(settings: PortalSettings) -> int:
    from portal.setup import set_up_django

    set_up_django()
    from portal.orchestration.worker import run_worker

    return run_worker(settings)


if __name__ == "__main__":
    sys.exit(main())
