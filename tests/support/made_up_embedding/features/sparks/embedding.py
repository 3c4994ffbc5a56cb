"""Sparks: what a network of sines says of seconds of audio."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from features.embeddings.embedding import ModelCard, Surroundings
from features.embeddings.options import LoadOptions
from features.embeddings.triton_embedding import TritonEmbedding
from features.vectors import FloatArray, TagOutput
from pydantic_settings import SettingsConfigDict
from runtime.settings import Settings

SAMPLE_RATE_HZ = 8_000


class SparksSettings(Settings):
    """What a deployment may choose of it."""

    model_config = SettingsConfigDict(
        env_prefix="FEATURES_SPARKS_", use_attribute_docstrings=True, extra="ignore"
    )

    colour: str = "red"
    """Of the sparks."""


@dataclass(frozen=True)
class Seconds:
    """Whole seconds of an excerpt, without the rest."""

    sample_rate_hz: int = SAMPLE_RATE_HZ

    def windows(self, y: FloatArray) -> npt.NDArray[np.int32]:
        count = max(1, len(y) // SAMPLE_RATE_HZ)
        return np.rint(np.resize(y, (count, SAMPLE_RATE_HZ)) * 1000).astype(np.int32)


class SparksEmbedding(TritonEmbedding):
    """Seven values, of which the last is the probability of a tag."""

    card = ModelCard(
        kind=1000,
        name="Sparks",
        lengths=(7,),
        sample_rate_hz=SAMPLE_RATE_HZ,
        windows="1 s",
        licence="Apache-2.0",
        weights="none are needed",
        cpu_seconds=0.01,
        knows_gpus=False,
        tags=(TagOutput(name="sparkling", reference_mean=0.5),),
    )
    settings = SparksSettings
    model = "sparks"
    max_batch = 16
    dtype = np.int32

    def __init__(self, settings: SparksSettings, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._settings = settings

    @classmethod
    def build(cls, surroundings: Surroundings) -> Self:
        return cls(SparksSettings.load(), surroundings)

    @property
    def preprocessing(self) -> Seconds:
        return Seconds()

    @property
    def window_samples(self) -> int:
        return SAMPLE_RATE_HZ

    def model_options(self, options: LoadOptions) -> Mapping[str, str]:
        return {"colour": self._settings.colour}
