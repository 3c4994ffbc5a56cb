"""Files with secrets: for their owner alone from the first byte on, and whole or not there."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

PRIVATE_FOLDER = 0o700
Value = TypeVar("Value")


def make_private(folder: Path) -> None:
    """Make the folder where it is missing, and let nobody else in. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    if folder.stat().st_uid == os.geteuid():  # a volume's own root can be somebody else's, and closed already
        folder.chmod(PRIVATE_FOLDER)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads; readers, and whoever comes after a crash, find the old or the new one.

    Raises OSError, and leaves what was there.
    """
    # A name of its own: processes of two containers may have the same id, and threads the same process.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


class WatchedFile(Generic[Value]):
    """What a file holds, read anew once it was replaced, also by another process. For one thread at a time."""

    def __init__(self, path: Path | None, load: Callable[[Path], Value], *, missing: Value) -> None:
        """`load` reads the file; `missing` is the value where there is none."""
        self._path = path
        self._load = load
        self._missing = self._value = missing
        self._mark: tuple[int, ...] | None = None

    def value(self) -> Value:
        """What it holds now."""
        mark = self._mark_now()
        if mark != self._mark:
            self._mark = mark
            self._value = self._load(self._path) if self._path and mark else self._missing
        return self._value

    def hold(self, value: Value) -> None:
        """Have this for its value until it is replaced; without a path for good."""
        self._value = value

    def _mark_now(self) -> tuple[int, ...] | None:
        try:
            found = os.stat(self._path) if self._path else None
        except OSError:
            return None
        return (found.st_ino, found.st_mtime_ns, found.st_size) if found else None
