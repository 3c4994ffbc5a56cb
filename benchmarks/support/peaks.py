"""The most memory that processes and their children have had, looked at many times a second."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

LOOK_EVERY_SECONDS = 0.02
KIB_A_MIB = 1024


class Peaks:
    """What was seen so far, in MiB, by the names of those who were watched."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = {name: psutil.Process(pid) for name, pid in roots.items()}
        self.most = dict.fromkeys(roots, 0.0)

    def look(self) -> None:
        """Look once: what the processes of a family have of their own, added up."""
        for name, root in self._roots.items():
            self.most[name] = max(self.most[name], family_mib(root))


@contextmanager
def peaks_of(roots: Mapping[str, int]) -> Iterator[Peaks]:
    """Watch these processes, each with its children, until the block ends."""
    peaks = Peaks(roots)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_EVERY_SECONDS):
            peaks.look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def family_mib(root: psutil.Process) -> float:
    """Memory of a process and its children, without the pages of files and of shared buffers."""
    try:
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(map(own_mib, family))


def peak_mib(pid: int) -> float:
    """The most memory that a process, or the largest of its children, has had so far, by the kernel's own account."""
    root = psutil.Process(pid)
    return max(_mib_of(each, "VmHWM") for each in (root, *root.children(recursive=True)))


def own_mib(process: psutil.Process) -> float:
    """Memory that belongs to this process alone; 0 once it has ended."""
    return _mib_of(process, "RssAnon")


def _mib_of(process: psutil.Process, field: str) -> float:
    """A field of the kernel's status of a process; 0 once it has ended."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    line = next((line for line in status.splitlines() if line.startswith(field)), f"{field} 0")
    return int(line.split()[1]) / KIB_A_MIB
