"""Files with secrets: for their owner alone from the first byte on, and whole or not there."""

import os
import tempfile
from pathlib import Path

PRIVATE_FOLDER = 0o700


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
