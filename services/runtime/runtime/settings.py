"""Settings of a service from its environment; nonsense is refused at start by name."""

import os
import sys
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


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

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=0, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    token: SecretStr | None = None
    """Bearer token that callers must send; unset asks for none."""
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
