"""The portal's settings from its environment; Django's own settings are made from them."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import ClassVar

from pydantic import Field, PostgresDsn, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict
from runtime.addresses import Address
from runtime.settings import ServiceSettings

from portal.local_time import is_known, machine_zone

Network = IPv4Network | IPv6Network
# What Django itself asks of a key for public servers.
SHORTEST_KEY = 50
FEWEST_LETTERS = 5
KEY_REMEDY = (
    "50 by chance are needed; python3 -c 'import secrets; print(secrets.token_urlsafe(48))' makes them"
)


class PortalSettings(ServiceSettings):
    """Environment variables that begin with PORTAL_."""

    model_config = SettingsConfigDict(env_prefix="PORTAL_")

    database_url: PostgresDsn = PostgresDsn("postgresql://reclass@127.0.0.1:54329/reclass")
    """Address of the PostgreSQL database, with libpq's parameters behind a ? (sslmode=verify-full, say)."""
    database_password: SecretStr | None = None
    """Password of the database, where the address has none."""
    secret_key: SecretStr = SecretStr("")
    """Signs sessions; at least 50 characters by chance, which `make secrets` makes. The web pages do not start
    without it."""
    allowed_hosts: str = "127.0.0.1,localhost"
    """Host names, separated by commas, under which the portal is reached."""
    https_proxy: bool = False
    """Whether browsers come through a proxy that ends TLS and says so (X-Forwarded-Proto), as an ingress does. Without
    one in front leave it off: anybody could send that header."""
    trusted_proxies: str = ""
    """Addresses or networks, separated by commas, of the proxies in front, 10.42.0.0/16 say. What they say of the
    browser in X-Forwarded-For, -Host and -Proto is believed, and nobody else's word; by its address a login is
    throttled."""
    trusted_origins: str = ""
    """Addresses of the portal as browsers see them, https://music.example.org say, separated by commas. Needed where a
    proxy in front asks by another name or port than the browser did; else forms are refused as another site's."""
    hsts_seconds: int = Field(default=3600, ge=0, le=2 * 365 * 86400)
    """With `https_proxy`: for so long a browser that was here comes back by https alone, to every port of this host."""
    time_zone: str = ""
    """Time zone of the times on pages and in terminals, Europe/Berlin say; unset takes the machine's (TZ, else
    /etc/localtime), which in containers is UTC."""
    web_threads: int = Field(default=8, ge=1, le=64)
    """Pages that are made at the same time."""
    request_seconds: float = Field(default=20.0, ge=1, le=600)
    """Within which a browser must have sent all of a request; one that drips is cut off."""
    sync_target: Address = "127.0.0.1:50051"
    """host:port of the sync service."""
    features_target: Address = "127.0.0.1:50052"
    """host:port of the features service."""
    inference_target: Address = "127.0.0.1:50053"
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
    """Bearer token with which a program may read /metrics of the web pages; unset leaves them to staff."""
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

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value()
        if key and (len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_LETTERS):
            raise ValueError(f"{len(key)} characters can be guessed; {KEY_REMEDY}")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks(value)
        return value

    @field_validator("trusted_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in listed(value):
            if not re.fullmatch(r"https?://[^/\s]+", origin):
                raise ValueError(f"{origin!r} is not http:// or https:// with a host, and nothing behind it")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value and not is_known(value):
            raise ValueError(f"{value!r} is no time zone, as Europe/Berlin is one")
        return value

    @property
    def zone(self) -> str:
        """The time zone in which people read times."""
        return self.time_zone or machine_zone()

    @property
    def hopeless_after_seconds(self) -> float:
        """A worker that still holds its connection, and is late by so much, loses it."""
        return 20 * self.stalled_after_seconds


def listed(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def networks(text: str) -> list[Network]:
    """Addresses and networks, separated by commas; ValueError names one that is none."""
    return [ip_network(part, strict=False) for part in listed(text)]
