"""Settings of a service from its environment; nonsense is refused at start by name."""

import ipaddress
import os
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from runtime.addresses import Host
from runtime.rights import Role

TOKEN_OF = "token_of_"  # noqa: S105 # the beginning of a field's name
FolderIfAny = Annotated[Path | None, BeforeValidator(lambda value: value or None)]
"""An empty variable names none, and not the folder that the service was started in."""


class SecretFiles(PydanticBaseSettingsSource):
    """Reads a field from the file that `<PREFIX><NAME>_FILE` names, as container secrets are handed over."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        prefix = str(self.config.get("env_prefix", ""))
        path = os.environ.get(f"{prefix}{field_name}_FILE".upper())
        return (Path(path).read_text().strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in values.items() if value is not None}


class Settings(BaseSettings):
    """Base of all settings; a subclass sets `env_prefix` and documents each field in a line."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the environment says itself wins over a file that it names."""
        return init_settings, env_settings, SecretFiles(settings_cls)

    @classmethod
    def load(cls) -> Self:
        """Read the environment, or end the process with status 2 and a line for each value that is wrong."""
        try:
            return cls()
        except ValidationError as error:
            sys.exit(_refusal(cls, error))
        except OSError as error:
            sys.exit(_refuse([f"{error.filename}: {error.strerror}; a variable that ends in _FILE names it"]))


class ServiceSettings(Settings):
    """What every gRPC service can be told."""

    host: Host = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=0, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least urgent messages that are logged."""
    log_format: Literal["json", "console"] = "json"
    """One JSON object a line, or text for a person."""
    shutdown_grace_seconds: float = Field(default=10.0, ge=0, le=600)
    """How long calls in progress may take to end after SIGTERM."""
    max_message_bytes: int = Field(default=80 * 1024 * 1024, ge=4 * 1024 * 1024, le=2**31 - 1)
    """The largest gRPC message that is taken or sent."""
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port on which Prometheus finds /metrics; 0 shows none."""

    retired: ClassVar[tuple[str, ...]] = ("token",)
    """Settings that were: whoever still sets one must not believe that it holds."""

    @classmethod
    def load(cls) -> Self:
        names = [cls.variable(f"{name}{end}") for name in cls.retired for end in ("", "_file")]
        set_still = [name for name in names if os.environ.get(name)]
        if set_still:
            needed = ", ".join(cls.variable(name) for name in cls.model_fields if cls._is_of_an_arrow(name))
            remedy = f"take it out, run `make secrets`, and set {needed} (each with _FILE for a file)"
            sys.exit(
                _refuse(
                    [
                        f"{name} is read no more, for each caller has a token of its own: {remedy}"
                        for name in set_still
                    ]
                )
            )
        return super().load()

    @classmethod
    def _is_of_an_arrow(cls, name: str) -> bool:
        """Whether it is the token of a caller, or the one for a part that is called; others are somebody else's."""
        return name.startswith(TOKEN_OF) or (
            name.endswith("_token") and f"{name.removesuffix('_token')}_target" in cls.model_fields
        )

    @field_validator("*")
    @classmethod
    def _a_token_is_one_word(cls, value: Any, info: ValidationInfo) -> Any:
        name = info.field_name or ""
        if not isinstance(value, SecretStr) or "token" not in name:
            return value
        token = value.get_secret_value().strip()
        if not token and name.startswith(TOKEN_OF):
            raise ValueError("it is empty, and would let nobody or everybody in: `make secrets` makes one")
        if token and not is_one_word(token):
            raise ValueError("it must be one word of plain characters, without a line break")
        return SecretStr(token) if token else None

    @model_validator(mode="after")
    def _tokens_tell_callers_apart(self) -> Self:
        tokens = self.tokens()
        names = " and ".join(map(self.token_variable, self.token_roles()))
        if len(set(tokens.values())) < len(tokens):
            raise ValueError(f"{names} tell callers apart and must differ: `make secrets` makes them")
        if names and not tokens and not _is_loopback(self.host):
            raise ValueError(
                f"{self.variable('host')} is {self.host}, where other machines reach this service, and no token keeps "
                f"them out: set {names} (each with _FILE for a file; `make secrets` makes them), or listen on 127.0.0.1"
            )
        return self

    @classmethod
    def variable(cls, name: str) -> str:
        """The environment's name for a field."""
        return f"{cls.model_config.get('env_prefix', '')}{name}".upper()

    @classmethod
    def token_roles(cls) -> list[Role]:
        """The parts of the system that may call this one."""
        return [Role(name.removeprefix(TOKEN_OF)) for name in cls.model_fields if name.startswith(TOKEN_OF)]

    @classmethod
    def token_variable(cls, role: Role) -> str:
        """The variable that names the token of a caller."""
        return cls.variable(f"{TOKEN_OF}{role}")

    def tokens(self) -> dict[Role, str]:
        """The tokens of those who may call, as far as they are set."""
        found = {role: getattr(self, f"{TOKEN_OF}{role}") for role in self.token_roles()}
        return {role: token.get_secret_value() for role, token in found.items() if token is not None}


def is_one_word(token: str) -> bool:
    """Whether it fits into a header as it is."""
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class TritonCallerSettings(ServiceSettings):
    """What a service that asks Triton can be told besides."""

    triton_authority: SecretStr | None = None
    """Certificate of the authority that signed Triton's, in PEM; for a Triton that asks for certificates."""
    triton_certificate: SecretStr | None = None
    """Certificate of this service for Triton, in PEM."""
    triton_certificate_key: SecretStr | None = None
    """Key of this service's certificate for Triton, in PEM."""

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        parts = (self.triton_authority, self.triton_certificate, self.triton_certificate_key)
        if any(parts) and not all(parts):
            names = (
                self.variable(f"triton_{name}") for name in ("authority", "certificate", "certificate_key")
            )
            raise ValueError(f"{', '.join(names)} belong together: set all three or none")
        return self


def _refusal(settings_cls: type[Settings], error: ValidationError) -> int:
    prefix = str(settings_cls.model_config.get("env_prefix", ""))
    lines = []
    for fault in error.errors():
        name = f"{prefix}{'_'.join(str(part) for part in fault['loc'])}".upper()
        field = settings_cls.model_fields.get(str(fault["loc"][0])) if fault["loc"] else None
        reason = fault["msg"].removeprefix("Value error, ")
        if field is None:
            # A fault of all values together, secrets among them: it names those that it is about.
            lines.append(f"{reason}.")
            continue
        value = "(hidden)" if "SecretStr" in str(field.annotation) else repr(fault["input"])
        lines.append(f"{name} is {value}: {reason}. {field.description or ''}".strip())
    return _refuse(lines)


def _refuse(lines: list[str]) -> int:
    for line in lines:
        sys.stderr.write(f"settings: {line}\n")
    return 2
