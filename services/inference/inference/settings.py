"""Settings of the inference service, from the environment."""

import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict
from runtime.addresses import Address
from runtime.settings import FolderIfAny, TritonCallerSettings

MEBIBYTE = 1024 * 1024
TEMPLATES_IN_CLONE = Path(__file__).resolve().parents[2] / "triton" / "models"


class InferenceSettings(TritonCallerSettings):
    """Each field is the variable INFERENCE_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="INFERENCE_", use_attribute_docstrings=True, extra="ignore")

    port: int = Field(default=50053, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    token_of_portal: SecretStr | None = None
    """Bearer token that the portal sends; it may call everything. Other programs have tokens of their own."""
    folder: FolderIfAny = None
    """Folder of the service's own, where it keeps which programs may call (mode 600); unset, the portal says so after
    each start."""
    features_target: Address = "127.0.0.1:50052"
    """The features service, host:port."""
    features_token: SecretStr | None = None
    """Bearer token to send to features: its FEATURES_TOKEN_OF_INFERENCE."""
    triton_target: Address = "127.0.0.1:8001"
    """Triton's gRPC, host:port."""
    triton_key: SecretStr | None = None
    """Key with which Triton takes orders to load and unload models, when it asks for one; no other service has it."""
    model_repository: Path = Path("var/models")
    """Folder of the trained heads; Triton must see the same folder as its model repository."""
    model_templates: Path = TEMPLATES_IN_CLONE
    """Folder with the code and configuration that all heads share."""
    extract_timeout_seconds: float = Field(default=120.0, gt=0, le=3600)
    """How long features may take for one song."""
    max_content_bytes: int = Field(
        default=64 * MEBIBYTE, ge=MEBIBYTE, le=2**31 - 1 - MEBIBYTE, validate_default=True
    )
    """The largest audio file that is taken as bytes; INFERENCE_MAX_MESSAGE_BYTES and FEATURES_MAX_MESSAGE_BYTES must be
    at least 1 MiB more."""
    max_calls: int = Field(default=128, ge=1, le=4096)
    """ClassifyTrack calls at the same time."""
    max_streams: int = Field(default=16, ge=1, le=256)
    """ClassifyTracks streams at the same time."""
    max_decide_streams: int = Field(default=8, ge=1, le=256)
    """DecideTracks streams at the same time."""
    max_stream_songs: int = Field(default=512, ge=1, le=65536)
    """Songs of one ClassifyTracks stream that are in the works at the same time."""
    max_stream_extractions: int = Field(default=16, ge=1, le=256)
    """Songs of one ClassifyTracks stream from which features extracts at the same time."""
    watchdog_seconds: float = Field(default=10.0, ge=0, le=3600)
    """How often each model in Triton is asked whether it answers, and loaded again if not; 0 leaves that to callers."""
    training_threads: int = Field(default=0, ge=0, le=256)
    """Threads of a training; 0 takes half of the processors, so that serving goes on."""

    @field_validator("max_content_bytes")
    @classmethod
    def _a_file_fits_into_a_message(cls, value: int, info: ValidationInfo) -> int:
        message = info.data.get("max_message_bytes", value + MEBIBYTE)
        if value + MEBIBYTE > message:
            raise ValueError(
                f"it must be 1 MiB less than INFERENCE_MAX_MESSAGE_BYTES, which is {message}; raise that, and "
                "FEATURES_MAX_MESSAGE_BYTES with it"
            )
        return value

    def threads_for_training(self) -> int:
        """The number of threads, with 0 worked out."""
        return self.training_threads or max(1, (os.cpu_count() or 2) // 2)
