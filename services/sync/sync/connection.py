"""Where the Plex server is and how to be let in: as the environment says, else as it was handed over and kept."""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from runtime.telemetry import get_logger

from sync.errors import ConnectionLockedError, FolderUnwritableError, InvalidRequestError
from sync.plex import PlexAddress
from sync.settings import checked_token, checked_url

log = get_logger(__name__)
FILE = "connection.json"


class Source(StrEnum):
    """Where a part of the connection comes from."""

    NONE = "none"
    STORED = "stored"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Address and token, as far as they are known."""

    url: str | None = None
    token: str | None = field(default=None, repr=False)


class Connection:
    """The connection in use. What the environment sets wins; the rest is read anew whenever the file has changed."""

    def __init__(self, environment: Parts, folder: Path | None) -> None:
        self._environment = environment
        self._folder = folder
        self._lock = threading.Lock()
        self._mark: tuple[int, ...] | None = None
        self._stored = Parts()

    def address(self) -> PlexAddress | None:
        """The server to talk to, where both parts of it are known."""
        stored = self._read()
        url = self._environment.url or stored.url
        token = self._environment.token or stored.token
        return PlexAddress(url=url, token=token) if url and token else None

    def sources(self) -> tuple[Source, Source]:
        """Where address and token come from."""
        stored = self._read()
        return (
            _source(self._environment.url, stored.url),
            _source(self._environment.token, stored.token),
        )

    def take(self, *, url: str, token: str) -> None:
        """Keep what is not empty, all or none of it. Raises for what makes no sense or the environment holds."""
        if url and self._environment.url:
            raise ConnectionLockedError(_locked("address", "SYNC_PLEX_URL", "PLEX_URL"))
        if token and self._environment.token:
            raise ConnectionLockedError(_locked("token", "SYNC_PLEX_TOKEN", "PLEX_TOKEN"))
        new_url = _checked("address", url, checked_url)
        new_token = _checked("token", token, checked_token)
        with self._lock:
            stored = self._stored_now()
            self._write(Parts(url=new_url or stored.url, token=new_token or stored.token))

    def _read(self) -> Parts:
        with self._lock:
            return self._stored_now()

    def _stored_now(self) -> Parts:
        mark = self._file_mark()
        if mark != self._mark:
            self._mark, self._stored = mark, self._load() if mark else Parts()
        return self._stored

    def _file_mark(self) -> tuple[int, ...] | None:
        """Differs once the file was replaced, also by another process of this service."""
        if self._folder is None:
            return None
        try:
            found = os.stat(self._folder / FILE)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _load(self) -> Parts:
        path = self._path()
        try:
            kept = json.loads(path.read_text())
            url, token = kept.get("url"), kept.get("token")
            return Parts(url=checked_url(url) if url else None, token=checked_token(token) if token else None)
        except (OSError, ValueError, AttributeError, TypeError):
            # Without the reason: it may quote the file.
            log.error("the stored Plex connection cannot be read; set it again in the portal", file=str(path))
            return Parts()

    def _write(self, parts: Parts) -> None:
        text = json.dumps({"url": parts.url, "token": parts.token})
        path = self._path()
        fresh = path.with_name(f".{FILE}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.parent.chmod(0o700)
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as error:
            raise FolderUnwritableError(
                f"the Plex connection cannot be kept in {path.parent} ({error.strerror}): let the user of the sync "
                "service write there, or name another folder in SYNC_FOLDER"
            ) from error

    def _path(self) -> Path:
        if self._folder is None:
            raise FolderUnwritableError(
                "the sync service has no folder to keep the Plex connection in: set SYNC_FOLDER"
            )
        return self._folder / FILE


def _checked(part: str, text: str, check: Callable[[str], str]) -> str | None:
    try:
        return check(text) if text else None
    except ValueError as error:
        raise InvalidRequestError(f"the {part} of the Plex server cannot be used: {error}") from error


def _source(environment: str | None, stored: str | None) -> Source:
    if environment:
        return Source.ENVIRONMENT
    return Source.STORED if stored else Source.NONE


def _locked(part: str, variable: str, of_up: str) -> str:
    return (
        f"the {part} of the Plex server is set by {variable} in the environment of the sync service ({of_up} for "
        "`reclass up`): change it there, or take it away there to set it in the portal"
    )
