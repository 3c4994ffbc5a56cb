"""Which other programs may call, and with what role: as the portal handed it over, kept for the next start."""

import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from runtime.private_files import WatchedFile, make_private, write_private
from runtime.rights import Role
from runtime.telemetry import get_logger

from inference.errors import FolderUnwritableError, InvalidRequestError

log = get_logger(__name__)
FILE = "callers.json"
ROLES = frozenset({Role.CALLER, Role.OPERATOR})


class Callers:
    """Roles by the fingerprints of tokens, read anew whenever the file has changed; without a folder until the end."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder else None
        self._lock = threading.Lock()
        self._roles = WatchedFile[Mapping[str, Role]](self._path, _load, missing={})
        self._kept = True

    def role_of(self, fingerprint: str) -> Role | None:
        """The role of whoever has the token with this fingerprint."""
        with self._lock:
            return self._roles.value().get(fingerprint)

    def take(self, roles: Mapping[str, Role]) -> bool:
        """Let these in, and nobody else; whether that is a change. Raises for what makes no sense."""
        if not _make_sense(roles):
            raise InvalidRequestError(
                "a caller has a token_sha256 of 32 bytes and the role CALLER_ROLE_CALLER or CALLER_ROLE_OPERATOR"
            )
        with self._lock:
            if self._kept and dict(self._roles.value()) == dict(roles):
                return False
            # First of all: a revocation holds also where the disk is full.
            self._roles.hold(dict(roles))
            self._kept = False
            if self._path:
                _write(self._path, roles)
            self._kept = True
        log.info("callers changed", count=len(roles))
        return True


def _load(path: Path) -> Mapping[str, Role]:
    try:
        kept = {mark: Role(role) for mark, role in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError) as error:
        log.error(
            "the callers cannot be read; the portal hands them over again", file=str(path), error=str(error)
        )
        return {}
    return kept if _make_sense(kept) else {}


def _write(path: Path, roles: Mapping[str, Role]) -> None:
    try:
        make_private(path.parent)
        write_private(path, json.dumps(roles))
    except OSError as error:
        raise FolderUnwritableError(
            f"the callers cannot be kept in {path.parent} ({error.strerror}): let the user of the inference service "
            "write there, or name another folder in INFERENCE_FOLDER"
        ) from error


def _make_sense(roles: Mapping[str, Role]) -> bool:
    return all(re.fullmatch("[0-9a-f]{64}", mark) and role in ROLES for mark, role in roles.items())
