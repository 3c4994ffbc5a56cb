"""What a deployment may choose of MusiCNN, from FEATURES_MUSICNN_* variables; each is a parameter of its model."""

from pydantic_settings import SettingsConfigDict
from runtime.settings import Settings


class MusicnnSettings(Settings):
    """Empty leaves it to the model."""

    model_config = SettingsConfigDict(
        env_prefix="FEATURES_MUSICNN_", use_attribute_docstrings=True, extra="ignore"
    )

    weights: str = ""
    """Folder of the checkpoint MSD_musicnn, as Triton sees it; empty takes the one that was installed with Triton."""
