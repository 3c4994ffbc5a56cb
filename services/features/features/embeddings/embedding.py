"""What an embedding is: one object holds its model's metadata, preprocessing, weights and answers.

A new one is a folder beside this module. Nothing else knows its name: its kind, the windows
that worker processes cut for it, its feature version and its settings come through here.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry
from runtime.settings import Settings
from runtime.triton import Triton
from runtime.watchdog import Probe

from features.audio.excerpts import Excerpt
from features.embeddings.options import ComputeOptions, LoadOptions
from features.errors import EmbeddingError
from features.vectors import Capability, FloatArray, TagOutput, Vector

Windows = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What is known of an embedding before its model is loaded."""

    kind: int
    """Its number in the contract's `VectorKind`."""
    name: str
    """As people and the contract call it."""
    lengths: tuple[int, ...]
    """Values of its vector, for each of its published models."""
    sample_rate_hz: int
    windows: str
    """How long those are that it takes of an excerpt, in words."""
    licence: str
    """SPDX identifier of the licence of its weights."""
    weights: str
    """Where a person gets them, and how they are checked."""
    cpu_seconds: float
    """Roughly, for 30 s of audio on one core. The cheaper embedding comes first."""
    knows_gpus: bool = True
    """Whether it can run on a GPU; one that cannot runs on a processor whatever a request says, as FMA does."""
    tags: tuple[TagOutput, ...] = ()
    """Those whose probabilities are the last values of its vector, in their order."""


class Preprocessing(Protocol):
    """From the samples of an excerpt to the windows of a model.

    Runs in a worker process, so it shall be small, be able to be pickled, and neither talk to a model server nor need
    the settings. What a small model itself says of a window may stand in the window's place.
    """

    @property
    def sample_rate_hz(self) -> int:
        """The sample rate at which it wants the excerpt."""

    def windows(self, y: FloatArray) -> Windows:
        """The windows [shape=(windows, ...)] of `y` [shape=(n,)], mono, float32, finite, not empty."""


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """What a loaded model is, and where it runs."""

    checkpoint: str
    """As its publisher names it."""
    digest: str
    """First digits of the weights' SHA-256."""
    recipe: tuple[str, ...]
    """What else changes the values, each as "name=value": "layer=7", "window=5s"."""
    length: int
    """Values of a vector."""
    device: str
    """ "cpu", or "cuda:0"."""
    device_name: str
    dtype: str
    """ "fp32", "bf16" or "fp16"."""
    for_trials: bool
    """The weights are random ones: its vectors mean nothing."""
    weights_bytes: int = 0
    """0 where it is not known."""

    def version(self, excerpt: Excerpt) -> str:
        """The feature version: everything that changes the values. Vectors of two versions are never mixed."""
        parts = [
            f"{self.checkpoint.lower()}/{self.digest}",
            *self.recipe,
            f"dtype={self.dtype}",
            *(["weights=trial"] if self.for_trials else []),
            f"excerpt={excerpt.version}",
        ]
        return ";".join(parts)

    def in_words(self) -> str:
        """For a person: what runs where."""
        on = self.device if self.device_name in ("", self.device) else f"{self.device} ({self.device_name})"
        trial = ", trial weights: verdicts mean nothing" if self.for_trials else ""
        return f"{self.checkpoint} on {on} in {self.dtype}{trial}"


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the service hands to each of its embeddings."""

    triton: Triton | None
    """None where the deployment has no model server."""
    registry: CollectorRegistry


class Embedding(ABC):
    """One kind of vector that a neural network computes. Safe to share between threads.

    Whatever `describe` and `embed` raise is an EmbeddingError; the song is not at fault.
    """

    card: ClassVar[ModelCard]
    settings: ClassVar[type[Settings]]
    """What a deployment may choose of it."""

    @classmethod
    @abstractmethod
    def build(cls, surroundings: Surroundings) -> Self:
        """Read its settings from the environment, and put it together."""

    @property
    @abstractmethod
    def preprocessing(self) -> Preprocessing:
        """What a worker process does for it."""

    @abstractmethod
    def load(self) -> None:
        """Begin to read and check the weights, beside everything else; what comes of it is logged."""

    @abstractmethod
    def known_failure(self, options: LoadOptions) -> EmbeddingError | None:
        """Why it could not be loaded a moment ago; None where that is not known. Asks nobody."""

    @abstractmethod
    def describe(self, options: LoadOptions, patience_seconds: float | None = None) -> ModelDescription:
        """What serves such requests; loads it where need be."""

    @property
    @abstractmethod
    def last_description(self) -> ModelDescription | None:
        """What it was when it served last."""

    @abstractmethod
    def embed(
        self,
        windows: Windows,
        excerpt: Excerpt,
        options: ComputeOptions,
        patience_seconds: float | None = None,
    ) -> Vector:
        """The vector of a song, from what `preprocessing` made of its excerpt."""

    def probes(self) -> Sequence[Probe]:
        """For a watchdog: what shows whether a model server still has the model."""
        return ()

    def close(self) -> None:  # noqa: B027  many have nothing to end
        """Begin nothing more."""

    def capability(
        self, excerpt: Excerpt, options: LoadOptions, patience_seconds: float | None
    ) -> Capability:
        """What of it can be computed here at present."""
        absent = Capability(
            kind=self.card.kind,
            available=False,
            name=self.card.name,
            licence=self.card.licence,
            weights=self.card.weights,
            cpu_seconds=self.card.cpu_seconds,
            tags=self.card.tags,
        )
        try:
            description = self.describe(options, patience_seconds)
        except EmbeddingError as error:
            last = None if error.permanent else self.last_description
            return replace(absent, version=last.version(excerpt) if last else "", detail=str(error))
        return replace(
            absent,
            available=True,
            version=description.version(excerpt),
            length=description.length,
            detail=description.in_words(),
            for_trials=description.for_trials,
            weights_bytes=description.weights_bytes,
        )


def mean_over_windows(answers: FloatArray) -> FloatArray:
    """The vector of a song [shape=(length,)], from a model's answers to its windows [shape=(windows, ..., length)].

    Raises ValueError where a value is not finite.
    """
    mean: FloatArray = (
        answers.reshape(-1, answers.shape[-1]).mean(axis=0, dtype=np.float64).astype(np.float32)
    )
    if not np.isfinite(mean).all():
        raise ValueError("the model answered with values that are not finite")
    return mean
