"""One `reclass up` for a data folder: a lock that the kernel lets go when its holder dies."""

import fcntl
import os
from pathlib import Path

import psutil

from standalone.errors import AlreadyRunningError


class RunLock:
    """Held from the first step of the start to the last of the stop; the file names the holder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take it; raises AlreadyRunningError where another process has it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunningError(_already(self.path)) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, _identity(psutil.Process()).encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let it go; a second call does nothing."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def holder(path: Path) -> int | None:
    """The process that holds the lock, without touching it; None when there is none."""
    try:
        text = path.read_text()
        process = psutil.Process(int(text.split()[0]))
        return process.pid if text == _identity(process) else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def _identity(process: psutil.Process) -> str:
    # A number alone would take another process for the holder after a restart of the machine.
    return f"{process.pid} {process.create_time()}"


def _already(path: Path) -> str:
    pid = holder(path)
    by = f" as process {pid}" if pid else ""
    return (
        f"Music ReClass already runs on {path.parent.parent}{by}. Stop it with Ctrl-C there"
        + (f" (or: kill {pid})" if pid else "")
        + ", or name another folder with --data DIR."
    )
