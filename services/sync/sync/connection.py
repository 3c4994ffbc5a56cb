"""Where the Plex server is and how to be let in: as the environment says, else as it was handed over and kept."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from runtime.private_files import WatchedFile, make_private, write_private
from runtime.telemetry import get_logger

from sync.errors import (
    ConnectionLockedError,
    FolderUnwritableError,
    InvalidRequestError,
    TokenNeededError,
)
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

    @property
    def any(self) -> bool:
        """Whether either is known."""
        return bool(self.url or self.token)

    def address(self) -> PlexAddress | None:
        """Both of them; None where one is missing."""
        return PlexAddress(url=self.url, token=self.token) if self.url and self.token else None


class Connection:
    """The connection in use: the environment's where it sets either part, else the file's, read anew when it changed.

    The two are never mixed, or whoever sets an address would be sent a token that was meant for another.
    """

    def __init__(self, environment: Parts, folder: Path | None) -> None:
        self._environment = environment
        self._path = folder / FILE if folder else None
        self._lock = threading.Lock()
        self._stored = WatchedFile(self._path, _load, missing=Parts())

    def address(self) -> PlexAddress | None:
        """The server to talk to, where both parts of it are known. A token goes to the address it was given with."""
        if self._environment.any:
            return self._environment.address()
        return self._read().address()

    def sources(self) -> tuple[Source, Source]:
        """Where address and token come from."""
        if self._environment.any:
            return _source(self._environment, Source.ENVIRONMENT)
        return _source(self._read(), Source.STORED)

    def trouble(self) -> str:
        """Why what the environment says cannot be used; empty where it can, or says nothing."""
        if self._environment.any and self._environment.address() is None:
            return _half(has_token=self._environment.token is not None)
        return ""

    def candidate(self, *, url: str, token: str) -> PlexAddress:
        """The connection that what is not empty makes, to be tried; nothing is kept yet.

        A token alone is for the address that is there. Raises for what makes no sense, for a new address without its
        token, and where the environment sets either.
        """
        if self._environment.any:
            raise ConnectionLockedError(_locked(self._environment))
        new_url = _checked("address", url, checked_url)
        new_token = _checked("token", token, checked_token)
        stored = self._read()
        if not new_url and not stored.url:
            raise TokenNeededError("no address of a Plex server is known: give it together with its token")
        if not new_token and (not stored.token or new_url != stored.url):
            raise TokenNeededError(
                "a token belongs to the address that it was given with, and goes to no other: give the token of the "
                "server at the new address as well"
            )
        return PlexAddress(url=str(new_url or stored.url), token=str(new_token or stored.token))

    def keep(self, address: PlexAddress) -> None:
        """Use it from the next call on."""
        with self._lock:
            self._write(address)

    def _read(self) -> Parts:
        with self._lock:
            return self._stored.value()

    def _write(self, address: PlexAddress) -> None:
        if self._path is None:
            raise FolderUnwritableError(
                "the sync service has no folder to keep the Plex connection in: set SYNC_FOLDER"
            )
        folder = self._path.parent
        try:
            make_private(folder)
            write_private(self._path, json.dumps({"url": address.url, "token": address.token}))
        except OSError as error:
            raise FolderUnwritableError(
                f"the Plex connection cannot be kept in {folder} ({error.strerror}): let the user of the sync "
                "service write there, or name another folder in SYNC_FOLDER"
            ) from error


def _load(path: Path) -> Parts:
    try:
        kept = json.loads(path.read_text())
        url, token = kept.get("url"), kept.get("token")
        return Parts(url=checked_url(url) if url else None, token=checked_token(token) if token else None)
    except (OSError, ValueError, AttributeError, TypeError):
        # Without the reason: it may quote the file.
        log.error("the stored Plex connection cannot be read; set it again in the portal", file=str(path))
        return Parts()


def _checked(part: str, text: str, check: Callable[[str], str]) -> str | None:
    try:
        return check(text) if text else None
    except ValueError as error:
        raise InvalidRequestError(f"the {part} of the Plex server cannot be used: {error}") from error


def _source(parts: Parts, source: Source) -> tuple[Source, Source]:
    return (source if parts.url else Source.NONE, source if parts.token else Source.NONE)


def _locked(environment: Parts) -> str:
    if environment.address() is None:
        return _half(has_token=environment.token is not None)
    return (
        "address and token of the Plex server are set by SYNC_PLEX_URL and SYNC_PLEX_TOKEN in the environment of the "
        "sync service (PLEX_URL and PLEX_TOKEN for `reclass up`): change them there, or take both away there to set "
        "them in the portal"
    )


def _half(*, has_token: bool) -> str:
    there, missing = ("TOKEN", "URL") if has_token else ("URL", "TOKEN")
    return (
        f"the environment of the sync service sets SYNC_PLEX_{there} and not SYNC_PLEX_{missing} (PLEX_{there}, "
        f"PLEX_{missing} for `reclass up`), so nothing is sent to Plex: set both there, or neither and both in the "
        "portal"
    )
