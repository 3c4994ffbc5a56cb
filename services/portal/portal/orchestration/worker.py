"""The worker process: takes jobs from the database until it is told to stop."""

import asyncio
import signal
import threading
from contextlib import ExitStack

from django.db import OperationalError, connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import ConnectorException
from runtime.metrics import exposed, new_registry
from runtime.telemetry import get_logger

from portal.callers.telling import Telling
from portal.configuration import PortalSettings
from portal.orchestration.tasks import EQUIPMENT
from portal.remote.services import connected
from portal.runs.work import Equipment
from portal.setup import unreachable_message

log = get_logger(__name__)
# Songs in progress may end by themselves for so long; then their calls are broken off and they are given back.
GRACE_SECONDS = 4.0


def run_worker(settings: PortalSettings) -> int:
    """Work until SIGTERM or Ctrl-C (status 0), or until the database is lost (1), for a supervisor to start anew."""
    try:
        connection.ensure_connection()
        connection.close()
        with (
            exposed(new_registry(), host=settings.host, port=settings.metrics_port),
            Telling(settings),
            ExitStack() as channels,
        ):
            return asyncio.run(_work(settings, channels))
    except OperationalError as error:
        log.error(unreachable_message(error))
    except ConnectorException as error:
        log.error("lost the database", error=str(error))
    return 1


async def _work(settings: PortalSettings, channels: ExitStack) -> int:
    services = channels.enter_context(connected(settings))
    stopping = threading.Event()
    equipment = Equipment(services=services, settings=settings, stopping=stopping)
    with app.replace_connector(DjangoConnector().get_worker_connector()) as worker_app:
        async with worker_app.open_async():
            working = asyncio.ensure_future(
                worker_app.run_worker_async(
                    concurrency=settings.worker_concurrency,
                    # Outcomes are kept with the runs and their songs; finished jobs would only pile up.
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    additional_context={EQUIPMENT: equipment},
                )
            )
            loop = asyncio.get_running_loop()

            def stop() -> None:
                stopping.set()
                working.cancel()
                loop.call_later(GRACE_SECONDS, channels.close)

            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop)
            try:
                await working
            except asyncio.CancelledError:
                return 0
    # procrastinate ends quietly when its listener loses the database.
    log.error("the worker ended unasked; the database was lost, or a part of the worker failed")
    return 1
