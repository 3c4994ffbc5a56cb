"""A small made-up embedding, as a folder of its own would hold it: the loudness of windows of three seconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from features.audio.excerpts import Excerpt
from features.embeddings.embedding import (
    Embedding,
    ModelCard,
    ModelDescription,
    Surroundings,
    mean_over_windows,
)
from features.embeddings.options import ComputeOptions, LoadOptions
from features.errors import EmbeddingError, ModelNotInstalledError, ModelUnavailableError
from features.vectors import FloatArray, Vector
from pydantic_settings import SettingsConfigDict
from runtime.settings import Settings

KIND = 77
SAMPLE_RATE_HZ = 16_000


class LoudnessSettings(Settings):
    """What a deployment may choose of it."""

    model_config = SettingsConfigDict(env_prefix="FEATURES_LOUDNESS_", use_attribute_docstrings=True)

    unit: Literal["rms", "peak"] = "rms"
    """What loudness is."""


@dataclass(frozen=True)
class LoudnessWindows:
    """Windows of three seconds, without the rest."""

    sample_rate_hz: int = SAMPLE_RATE_HZ

    def windows(self, y: FloatArray) -> npt.NDArray[np.float32]:
        length = 3 * SAMPLE_RATE_HZ
        count = max(1, len(y) // length)
        return np.resize(y, (count, length))


class LoudnessEmbedding(Embedding):
    """Two values: the loudness, and one."""

    card = ModelCard(
        kind=KIND,
        name="LOUDNESS",
        lengths=(2,),
        sample_rate_hz=SAMPLE_RATE_HZ,
        windows="3 s",
        licence="Apache-2.0",
        weights="none are needed",
        cpu_seconds=0.001,
    )
    settings = LoudnessSettings

    def __init__(self, settings: LoudnessSettings) -> None:
        self._settings = settings
        self._failure: EmbeddingError | None = None

    @classmethod
    def build(cls, surroundings: Surroundings) -> Self:
        return cls(LoudnessSettings.load())

    @property
    def preprocessing(self) -> LoudnessWindows:
        return LoudnessWindows()

    def load(self) -> None:
        """There are no weights."""

    def known_failure(self, options: LoadOptions) -> EmbeddingError | None:
        return self._failure if isinstance(self._failure, ModelNotInstalledError) else None

    def describe(self, options: LoadOptions, patience_seconds: float | None = None) -> ModelDescription:
        if self._failure:
            raise self._failure
        return self.last_description

    @property
    def last_description(self) -> ModelDescription:
        return ModelDescription(
            checkpoint="loudness-1",
            digest="0",
            recipe=("window=3s", f"unit={self._settings.unit}"),
            length=2,
            device="cpu",
            device_name="cpu",
            dtype="fp32",
            for_trials=False,
        )

    def embed(
        self,
        windows: npt.NDArray[np.float32],
        excerpt: Excerpt,
        options: ComputeOptions,
        patience_seconds: float | None = None,
    ) -> Vector:
        description = self.describe(options.load)
        loudness = np.sqrt((windows**2).mean(axis=1)) if self._settings.unit == "rms" else windows.max(axis=1)
        values = np.stack([loudness, np.ones_like(loudness)], axis=1)
        return Vector(kind=KIND, version=description.version(excerpt), values=mean_over_windows(values))

    @contextmanager
    def away(self, *, for_good: bool) -> Iterator[None]:
        """Meanwhile there is none."""
        kind = ModelNotInstalledError if for_good else ModelUnavailableError
        self._failure = kind("the loudness is away")
        try:
            yield
        finally:
            self._failure = None
