"""The one folder that holds the state of the system: its layout, its secrets, who may use it."""

import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import platformdirs
from runtime.private_files import write_private

from standalone.errors import FolderError

PRIVATE = 0o700
PRIVATE_FILE = 0o600
# Raised when what is in a folder changes in a way that nothing carries over.
LAYOUT = "3"
READABLE = 0o755
WRITABLE_FOR_OTHERS = 0o022


class DataFolder:
    """Where each kind of state lies below `root`."""

    def __init__(self, *, root: Path) -> None:
        self.root = root
        self.postgres = root / "postgres"
        """The database cluster."""
        self.models = root / "models"
        """Triton's model repository."""
        self.logs = root / "logs"
        """One log for each part."""
        self.run = root / "run"
        """What describes the running system: lock, programs, environment."""
        self.secrets = root / "secrets"
        """Passwords and tokens, each in a file of mode 600."""
        self.triton = root / "triton"
        """The Triton server's own folder: backends and scratch files."""
        self.certificates = self.secrets / "triton"
        """By which Triton knows who may talk to it."""
        self.weights = root / "weights"
        """Checkpoints of MERT, a folder each; what is there was put there by a person, or made for trials."""
        self.sync = root / "sync"
        """What sync keeps: the Plex connection that the portal handed to it."""
        self.inference = root / "inference"
        """What inference keeps: which programs may call, as the portal handed it over."""
        self.lock = self.run / "lock"
        """Held by the one system that runs on the folder."""
        self.environment = self.run / "environment"
        """What a command in another shell needs to reach the running system."""
        self.layout = root / "layout"
        """Says which layout the folder has."""
        self.admin_password = self.secrets / "admin-password"
        """The administrator's first password, until a person has seen it."""

    def prepare(self) -> None:
        """Make what is missing, each folder with its mode. Raises FolderError where it cannot be used."""
        self._check_layout()
        modes = {
            self.root: READABLE,
            self.models: PRIVATE,
            self.logs: READABLE,
            self.weights: READABLE,
            self.run: PRIVATE,
            self.secrets: PRIVATE,
            self.triton: PRIVATE,
            self.sync: PRIVATE,
            self.inference: PRIVATE,
        }
        try:
            for folder, mode in modes.items():
                if not folder.is_dir():
                    folder.mkdir(parents=True, mode=mode)
                    folder.chmod(mode)
            write_private(self.layout, f"{LAYOUT}\n")
        except OSError as error:
            raise FolderError(_unusable(self.root, str(error.strerror))) from error
        for folder in modes:
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise FolderError(_unusable(folder, f"it belongs to {folder.owner()}"))
        self._close(folder for folder, mode in modes.items() if mode == PRIVATE)

    def _check_layout(self) -> None:
        """A database and models of another layout are left as they are."""
        if self.postgres.exists() and not (
            self.layout.exists() and self.layout.read_text().strip() == LAYOUT
        ):
            raise FolderError(
                f"the data folder {self.root} was made by another version of Music ReClass, and its database and "
                "models cannot be used. Move it away, or name another with --data DIR; what is in "
                f"{self.weights} can be moved to the new one."
            )

    def _close(self, folders: Iterable[Path]) -> None:
        """A folder that was made by hand may let others read and write.

        Who may write to the folder above the secrets can put others in their place, and whoever writes to that of the
        logs has our programs write wherever a link leads.
        """
        for folder in (self.root, self.logs):
            mode = stat.S_IMODE(folder.stat().st_mode)
            if mode & WRITABLE_FOR_OTHERS:
                folder.chmod(mode & ~WRITABLE_FOR_OTHERS)
        for folder in folders:
            folder.chmod(PRIVATE)

    def secret(self, name: str) -> str:
        """The secret of this name, made once."""
        path = self.secrets / name
        if not path.exists():
            write_private(path, secrets.token_hex(32))
        return path.read_text().strip()

    def secret_file(self, name: str, value: str | None = None) -> Path:
        """The file of the secret; with `value`, a secret that came from outside."""
        path = self.secrets / name
        if value is None:
            self.secret(name)
        else:
            write_private(path, value)
        return path


def real_root(root: Path) -> Path:
    """The folder by its real path, as processes report it. Raises FolderError where nobody can say that."""
    try:
        return root.expanduser().resolve()
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # a folder that may not be looked into, a loop, no home
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise FolderError(_unusable(root, str(why))) from error


def default_root() -> Path:
    """The usual place for the state of a service (root) or of a person's program."""
    if os.geteuid() == 0:
        return Path("/var/lib/reclass")
    return platformdirs.user_data_path("reclass")


def demo_root() -> Path:
    """The usual place of the demo, beside that of a real system."""
    return default_root().with_name("reclass-demo")


def open_private(path: Path) -> BinaryIO:
    """A file written anew that only its owner reads."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    os.fchmod(descriptor, PRIVATE_FILE)
    return os.fdopen(descriptor, "wb")


def _unusable(folder: Path, why: str) -> str:
    return (
        f"the data folder {folder} cannot be used: {why}. Name another with --data DIR (or RECLASS_DATA), "
        "or run as the user that owns it."
    )
