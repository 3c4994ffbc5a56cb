"""Processes of an earlier run that was killed: found by a mark in their environment, and ended."""

from pathlib import Path

import psutil

from standalone.host.data_folder import DataFolder
from standalone.processes.supervision import end_processes

MARK = "RECLASS_RUN"


def end_leftovers(folder: DataFolder) -> None:
    """End what still runs on the folder, the server of a stale database included; the caller holds the lock."""
    found = {process for process in psutil.process_iter() if _mark_of(process) == str(folder.root)}
    postmaster = postmaster_of(folder.postgres)
    if postmaster:
        found.add(postmaster)
    end_processes(found)
    if postmaster_of(folder.postgres) is None:
        # Its number may belong to another process by now, and the server would then refuse to start.
        (folder.postgres / "postmaster.pid").unlink(missing_ok=True)


def postmaster_of(cluster: Path) -> psutil.Process | None:
    """The PostgreSQL server that runs on the cluster."""
    try:
        process = psutil.Process(int((cluster / "postmaster.pid").read_text().split("\n")[0]))
        return process if Path(process.cwd()) == cluster else None
    except (OSError, ValueError, psutil.Error):
        return None


def _mark_of(process: psutil.Process) -> str | None:
    try:
        mark: str | None = process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None
    return mark
