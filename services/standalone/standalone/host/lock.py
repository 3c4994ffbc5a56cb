"""One `reclass up` for a data folder: a lock that the kernel lets go when its holder dies."""

import fcntl
import os
from pathlib import Path

from standalone.errors import AlreadyRunningError

BOOT = Path("/proc/sys/kernel/random/boot_id")
START_TICKS = 19
"""Place of the process's start in its line of /proc, behind the name (proc_pid_stat(5): starttime)."""


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
        os.write(descriptor, _identity(os.getpid()).encode())
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
        pid = int(text.split()[0])
        return pid if text == _identity(pid) else None
    except (OSError, ValueError, IndexError):
        return None


def _identity(pid: int) -> str:
    """A process by its number, its start in ticks since the machine's, and the machine's start.

    A number alone would take another process for the holder after a restart of the machine, and the time of the start
    by the clock would be another once the clock is put right.
    """
    after_name = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2]
    return f"{pid} {after_name.split()[START_TICKS]} {BOOT.read_text().strip()}"


def _already(path: Path) -> str:
    pid = holder(path)
    by = f" as process {pid}" if pid else ""
    return (
        f"Music ReClass already runs on {path.parent.parent}{by}. Stop it with Ctrl-C there"
        + (f" (or: kill {pid})" if pid else "")
        + ", or name another folder with --data DIR."
    )
