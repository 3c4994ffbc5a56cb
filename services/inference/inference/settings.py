"""Settings of the inference service, from the environment."""

import os
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from runtime.settings import ServiceSettings

TEMPLATES_IN_CLONE = Path(__file__).resolve().parents[2] / "triton" / "models"


class InferenceSettings(ServiceSettings):
    """Each field is the variable INFERENCE_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="INFERENCE_", use_attribute_docstrings=True, extra="ignore")

    port: int = Field(default=50053, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    features_target: str = "127.0.0.1:50052"
    """The features service, host:port."""
    features_token: SecretStr | None = None
    """Bearer token for the features service, when it asks for one."""
    triton_target: str = "127.0.0.1:8001"
    """Triton's gRPC, host:port."""
    model_repository: Path = Path("var/models")
    """Folder of the trained heads; Triton must see the same folder as its model repository."""
    model_templates: Path = TEMPLATES_IN_CLONE
    """Folder with the code and configuration that all heads share."""
    extract_timeout_seconds: float = Field(default=120.0, gt=0, le=3600)
    """How long features may take for one song."""
    training_threads: int = Field(default=0, ge=0, le=256)
    """Threads of a training; 0 takes half of the processors, so that serving goes on."""

    def threads_for_training(self) -> int:
        """The number of threads, with 0 worked out."""
        return self.training_threads or max(1, (os.cpu_count() or 2) // 2)
