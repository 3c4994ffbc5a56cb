"""What the environment says about the system on this machine."""

import sys
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict
from runtime.settings import Settings

from standalone.host.ports import Ports

# services/triton of the repository; this member is installed from there.
TRITON_FOLDER = Path(__file__).resolve().parents[2] / "triton"


class SystemSettings(Settings):
    """Environment variables that begin with RECLASS_."""

    model_config = SettingsConfigDict(env_prefix="RECLASS_")

    data: Path | None = None
    """Folder of all state."""
    web_port: int = Field(default=Ports.web, ge=1, le=65535)
    """Port of the portal's pages."""
    postgres_port: int = Field(default=Ports.postgres, ge=1, le=65535)
    """Port of PostgreSQL."""
    sync_port: int = Field(default=Ports.sync, ge=1, le=65535)
    """Port of the sync service."""
    features_port: int = Field(default=Ports.features, ge=1, le=65535)
    """Port of the features service."""
    inference_port: int = Field(default=Ports.inference, ge=1, le=65535)
    """Port of the inference service."""
    triton_grpc_port: int = Field(default=Ports.triton_grpc, ge=1, le=65535)
    """Port of Triton, which speaks gRPC alone, and with the parts of this system alone."""
    stand_in_port: int = Field(default=Ports.stand_in, ge=1, le=65535)
    """Port of the demo's stand-in for Plex."""
    triton_python: Path = Path(f"{sys.prefix}-triton/bin/python")
    """Python of Triton's own environment."""
    triton_folder: Path = TRITON_FOLDER
    """Folder with Triton's launcher and the models that the repository brings."""
    media_folders: str = ""
    """Folders with the songs, separated as FEATURES_MEDIA_FOLDERS says."""
    path_map: str = ""
    """Where Plex's folders are on this machine, as FEATURES_PATH_MAP says."""
    start_timeout_seconds: float = Field(default=180.0, ge=5, le=3600)
    """How long the parts may take to become healthy; one that is still at work then is waited for."""

    def ports(self) -> Ports:
        """All of them."""
        return Ports(**{name: getattr(self, f"{name}_port") for name, _ in Ports().items()})


class PlexSettings(Settings):
    """Environment variables that begin with PLEX_."""

    model_config = SettingsConfigDict(env_prefix="PLEX_")

    url: str = ""
    """Address of the Plex server, http://192.168.1.10:32400 for one; with its token, or neither."""
    token: SecretStr | None = None
    """X-Plex-Token of the server's owner; with the address, for it is sent to no other."""
    library: str = ""
    """Title of the music library; empty takes all."""

    @field_validator("url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        # sync refuses what it cannot use too, but once everything has been started, and by another name.
        parts = urlsplit(value.strip())
        if value.strip() and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("it must begin with http:// or https:// and name a host")
        return value.strip()

    @field_validator("token")
    @classmethod
    def _is_a_word(cls, value: SecretStr | None) -> SecretStr | None:
        token = value.get_secret_value().strip() if value else ""
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise ValueError("it must be one word of plain characters")
        return SecretStr(token) if token else None

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        # The token would otherwise go to whatever address is set in the portal, or the address have a stranger's token.
        if bool(self.url) != bool(self.token):
            there, missing = ("PLEX_URL", "PLEX_TOKEN") if self.url else ("PLEX_TOKEN", "PLEX_URL")
            raise ValueError(
                f"{there} is set and {missing} is not: set both, or neither and both in the portal (Settings, Plex "
                "connection)"
            )
        return self
