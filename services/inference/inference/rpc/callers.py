"""Which other programs may call, and with what role: as the portal handed it over, kept for the next start."""

import json
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from runtime.private import make_private, write_private
from runtime.rights import Role
from runtime.telemetry import get_logger

from inference.errors import FolderUnwritableError, InvalidRequestError

log = get_logger(__name__)
FILE = "callers.json"
ROLES = frozenset({Role.CALLER, Role.OPERATOR})


class Callers:
    """Roles by the fingerprints of tokens, read anew whenever the file has changed; without a folder until the end."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._mark: tuple[int, ...] | None = None
        self._roles: Mapping[str, Role] = {}
        self._kept = True

    def role_of(self, fingerprint: str) -> Role | None:
        """The role of whoever has the token with this fingerprint."""
        with self._lock:
            return self._now().get(fingerprint)

    def take(self, roles: Mapping[str, Role]) -> bool:
        """Let these in, and nobody else; whether that is a change. Raises for what makes no sense."""
        if not _make_sense(roles):
            raise InvalidRequestError(
                "a caller has a token_sha256 of 32 bytes and the role CALLER_ROLE_CALLER or CALLER_ROLE_OPERATOR"
            )
        with self._lock:
            if self._kept and dict(self._now()) == dict(roles):
                return False
            # First of all: a revocation holds also where the disk is full.
            self._roles, self._kept = dict(roles), False
            if self._folder is not None:
                self._write(self._folder, roles)
                self._mark = self._file_mark()
            self._kept = True
        log.info("callers changed", count=len(roles))
        return True

    def _now(self) -> Mapping[str, Role]:
        mark = self._file_mark()
        if mark != self._mark:
            self._mark, self._roles = mark, self._load() if mark else {}
        return self._roles

    def _file_mark(self) -> tuple[int, ...] | None:
        """Differs once the file was replaced, also by another process of this service."""
        if self._folder is None:
            return None
        try:
            found = os.stat(self._folder / FILE)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _load(self) -> Mapping[str, Role]:
        path = (self._folder or Path()) / FILE
        try:
            kept = {mark: Role(role) for mark, role in json.loads(path.read_text()).items()}
        except (OSError, ValueError, AttributeError) as error:
            log.error(
                "the callers cannot be read; the portal hands them over again",
                file=str(path),
                error=str(error),
            )
            return {}
        return kept if _make_sense(kept) else {}

    def _write(self, folder: Path, roles: Mapping[str, Role]) -> None:
        try:
            make_private(folder)
            write_private(folder / FILE, json.dumps(roles))
        except OSError as error:
            raise FolderUnwritableError(
                f"the callers cannot be kept in {folder} ({error.strerror}): let the user of the inference service "
                "write there, or name another folder in INFERENCE_FOLDER"
            ) from error


def _make_sense(roles: Mapping[str, Role]) -> bool:
    return all(re.fullmatch("[0-9a-f]{64}", mark) and role in ROLES for mark, role in roles.items())
