"""The portal's settings from its environment; Django's own settings are made from them."""

from typing import ClassVar

from pydantic import Field, PostgresDsn, SecretStr
from pydantic_settings import SettingsConfigDict
from runtime.settings import ServiceSettings


class PortalSettings(ServiceSettings):
    """Environment variables that begin with PORTAL_."""

    model_config = SettingsConfigDict(env_prefix="PORTAL_")

    database_url: PostgresDsn = PostgresDsn("postgresql://reclass@127.0.0.1:54329/reclass")
    """Address of the PostgreSQL database."""
    database_password: SecretStr | None = None
    """Password of the database, where the address has none."""
    secret_key: SecretStr = SecretStr("")
    """Signs sessions; any long random text. The web pages do not start without it."""
    allowed_hosts: str = "127.0.0.1,localhost"
    """Host names, separated by commas, under which the portal is reached."""
    https_proxy: bool = False
    """Whether browsers come through a proxy that ends TLS and says so (X-Forwarded-Proto), as an ingress does. Without
    one in front leave it off: anybody could send that header."""
    web_threads: int = Field(default=8, ge=1, le=64)
    """Pages that are made at the same time."""
    request_seconds: float = Field(default=20.0, ge=1, le=600)
    """Within which a browser must have sent all of a request; one that drips is cut off."""
    sync_target: str = "127.0.0.1:50051"
    """host:port of the sync service."""
    features_target: str = "127.0.0.1:50052"
    """host:port of the features service."""
    inference_target: str = "127.0.0.1:50053"
    """host:port of the inference service."""
    sync_token: SecretStr | None = None
    """Bearer token to send to sync: its SYNC_TOKEN_OF_PORTAL."""
    features_token: SecretStr | None = None
    """Bearer token to send to features: its FEATURES_TOKEN_OF_PORTAL."""
    inference_token: SecretStr | None = None
    """Bearer token to send to inference: its INFERENCE_TOKEN_OF_PORTAL."""
    admin_password: SecretStr | None = None
    """Password of the first administrator; unset makes one up."""
    metrics_token: SecretStr | None = None
    """Bearer token with which a program may read /metrics of the web pages; unset leaves them to people of staff."""
    worker_concurrency: int = Field(default=2, ge=1, le=64)
    """Chunks of songs that one worker works on at the same time."""
    chunk_size: int = Field(default=8, ge=1, le=1000)
    """Songs in one job."""
    stalled_after_seconds: float = Field(default=15.0, ge=2, le=3600)
    """A worker that gave no sign for so long is taken for dead, and its songs are given to another."""

    retired: ClassVar[tuple[str, ...]] = ("token", "service_token")

    def door_of(self, service: str) -> tuple[str, str | None]:
        """Target of sync, features or inference, and the token to send there."""
        target, token = {
            "sync": (self.sync_target, self.sync_token),
            "features": (self.features_target, self.features_token),
            "inference": (self.inference_target, self.inference_token),
        }[service]
        return target, token.get_secret_value() if token else None

    @property
    def hopeless_after_seconds(self) -> float:
        """A worker that still holds its connection, and is late by so much, loses it."""
        return 20 * self.stalled_after_seconds
