"""What a `reclass` command in another shell needs to reach a running system."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from runtime.private_files import write_private

from standalone.errors import FolderError, NotRunningError
from standalone.host.data_folder import DataFolder, default_root, demo_root, real_root
from standalone.host.lock import holder


def environment_of(data: Path | None = None) -> dict[str, str]:
    """The environment of the system that runs on the data folder.

    Where none is named it is the usual one, or else that of the demo, and stderr says so. Raises NotRunningError,
    which says how to start it.
    """
    try:
        root = real_root(data or _usual_root())
    except FolderError as error:
        raise NotRunningError(str(error)) from error
    return _environment_in(DataFolder(root=root))


def _usual_root() -> Path:
    if _runs(default_root()) or not _runs(demo_root()):
        return default_root()
    sys.stderr.write(f"Nothing runs on {default_root()}; this is about the demo on {demo_root()}.\n")
    return demo_root()


def _runs(root: Path) -> bool:
    return holder(DataFolder(root=root).lock) is not None


def _environment_in(folder: DataFolder) -> dict[str, str]:
    root = folder.root
    if holder(folder.lock) is None:
        raise NotRunningError(
            f"nothing runs on {root}: start it with reclass up --data {shlex.quote(str(root))}"
        )
    try:
        text = folder.environment.read_text()
    except FileNotFoundError:
        raise NotRunningError(f"the system on {root} is just starting or stopping: try again") from None
    except PermissionError as error:
        raise NotRunningError(f"the system on {root} belongs to another user ({error.strerror})") from None
    return dict(assignment.split("=", 1) for assignment in shlex.split(text))


def write_environment(folder: DataFolder, environment: Mapping[str, str]) -> None:
    """Lines that a shell can read too: `set -a; . DATA/run/environment`."""
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in sorted(environment.items())]
    write_private(folder.environment, "".join(lines))
