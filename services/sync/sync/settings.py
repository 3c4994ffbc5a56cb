"""What the environment may say to the sync service."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict
from runtime.settings import FolderIfAny, ServiceSettings

# What stands in front of the token in an address.
MARK = "X-Plex-Token="


class SyncSettings(ServiceSettings):
    """Settings of the sync service; all names begin with SYNC_."""

    model_config = SettingsConfigDict(env_prefix="SYNC_")

    port: int = Field(default=50051, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    token_of_portal: SecretStr | None = None
    """Bearer token that the portal sends; it may call everything."""
    token_of_features: SecretStr | None = None
    """Bearer token that features sends; it may read songs and no more."""
    plex_url: str | None = None
    """Address of the Plex server, as http://192.168.1.5:32400, with its token; both unset, the portal may set them."""
    plex_token: SecretStr | None = None
    """Token of the server's owner, with the address, for it is sent to no other; Plex's support page "Finding an
    authentication token" says where it is."""
    folder: FolderIfAny = None
    """Folder of the service's own, where it keeps the address and token that the portal hands to it (mode 600); unset,
    they can come from the environment alone."""
    connect_timeout_seconds: float = Field(default=5.0, gt=0, le=120)
    """How long Plex may take to accept a connection."""
    read_timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    """How long Plex may be silent in the middle of an answer."""

    @field_validator("plex_url", "plex_token", mode="before")
    @classmethod
    def _blank_is_unset(cls, value: Any) -> Any:
        stripped = value.strip() if isinstance(value, str) else value
        return stripped or None

    @field_validator("plex_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        return None if value is None else checked_url(value)

    @field_validator("plex_token")
    @classmethod
    def _fits_in_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        token = checked_token(value.get_secret_value()) if value is not None else ""
        return SecretStr(token) if token else None


def checked_url(text: str) -> str:
    """The address of a Plex server as it is used. Raises ValueError, which says what is wrong and quotes nothing."""
    try:
        parts = urlsplit(text.strip())
        named = parts.hostname and parts.port != 0
        (parts.hostname or "").encode("idna")  # as it is looked up: no part of it is empty, or too long
    except ValueError as error:
        raise ValueError("its host or port cannot be read: write it as http://192.168.1.5:32400") from error
    if parts.scheme not in ("http", "https") or not named:
        raise ValueError("it must begin with http:// or https:// and name a host")
    if parts.username:
        raise ValueError("it must not hold a name or password; the token has a place of its own")
    # Addresses copied from a browser bring the path of the web application, or of "View XML", and sometimes the token.
    path = parts.path.partition("/web")[0].partition("/library/")[0].rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def checked_token(text: str) -> str:
    """The token as it is sent. Raises ValueError for what fits in no header, and quotes nothing.

    What stands in front of the token in an address of Plex, and behind it, may be copied along.
    """
    token = text.strip().rpartition(MARK)[2].partition("&")[0]
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise ValueError("it must be one word of plain characters")
    return token
