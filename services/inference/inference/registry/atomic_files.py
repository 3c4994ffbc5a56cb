"""Writes to the model repository: small files whole or not at all, and what a full disk or missing rights mean."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.errors import RepositoryUnwritableError


@contextmanager
def writing(repository: Path) -> Iterator[None]:
    """Errors of the disk as this service's own."""
    try:
        yield
    except OSError as error:
        full = " The disk is full." if error.errno == errno.ENOSPC else ""
        raise RepositoryUnwritableError(
            f"the model repository {repository} cannot be written: {error.strerror}.{full} "
            "Free space or correct its rights, then do this again; the model in service stays."
        ) from error


def replace(path: Path, content: bytes) -> None:
    """Write a small file so that a reader sees the old or the new one, and a crash leaves one of them."""
    # Several services may share the repository, and each has several threads.
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        fresh.write_bytes(content)
        flush(fresh)
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)
    flush(path.parent)


def flush(path: Path) -> None:
    """Have a file or folder on the disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
