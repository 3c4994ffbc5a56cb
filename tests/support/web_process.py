"""The portal's web process, as the supervisor or a container starts it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import process_of, wait_for_port

KEY = {"PORTAL_SECRET_KEY": "only for this test, and of as many characters as a key must have"}


@contextmanager
def web_process(
    database_url: str, log: Path, *, listens_on: tuple[str, int], **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m portal web`, once it takes connections there."""
    host, port = listens_on
    with process_of(
        "portal", "web", log=log, PORTAL_DATABASE_URL=database_url, **KEY, **environment
    ) as process:
        wait_for_port(port, process, host=host)
        yield process
