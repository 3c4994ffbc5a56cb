"""What the environment may say to the sync service."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict
from runtime.settings import ServiceSettings


class SyncSettings(ServiceSettings):
    """Settings of the sync service; all names begin with SYNC_."""

    model_config = SettingsConfigDict(env_prefix="SYNC_")

    port: int = Field(default=50051, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    plex_url: str | None = None
    """Address of the Plex server, as http://192.168.1.5:32400; unset, every call says that Plex is not configured."""
    plex_token: SecretStr | None = None
    """Token of the server's owner; Plex's support page "Finding an authentication token" says where it is."""
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
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it must begin with http:// or https:// and name a host")
        if parts.username:
            raise ValueError("it must not hold a name or password; the token has a variable of its own")
        # Addresses copied from a browser bring the web application's path and sometimes the token along.
        path = parts.path.partition("/web")[0].rstrip("/")
        return urlunsplit((parts.scheme, parts.netloc, path, "", ""))

    @field_validator("plex_token")
    @classmethod
    def _fits_in_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        token = value.get_secret_value() if value else "-"
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise ValueError("it must be one word of plain characters")
        return value
