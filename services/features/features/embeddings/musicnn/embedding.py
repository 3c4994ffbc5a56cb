"""MusiCNN as an embedding; its model stands in Triton (services/triton/models/musicnn).

A window's mel spectrum in, the 200 values of the network's `penultimate` layer and the probabilities of its 50 tags
out; the vector of a song is their mean over windows.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np

from features.embeddings.embedding import ModelCard, Surroundings
from features.embeddings.musicnn.settings import MusicnnSettings
from features.embeddings.musicnn.spectra import BANDS, FRAMES, SAMPLE_RATE_HZ, WINDOWS, MelWindows
from features.embeddings.musicnn.tags import TAGS
from features.embeddings.options import LoadOptions
from features.embeddings.triton_embedding import FAILURE_SECONDS, TritonEmbedding


class MusicnnEmbedding(TritonEmbedding):
    """The network that was trained on the Million Song Dataset with the 50 most used tags of Last.fm."""

    card = ModelCard(
        kind=5,
        name="MusiCNN",
        lengths=(250,),
        sample_rate_hz=SAMPLE_RATE_HZ,
        windows="3 s",
        licence="ISC",
        weights="built in: the Python package musicnn 0.1.0 in Triton's environment, known by its SHA-256",
        cpu_seconds=0.2,
        knows_gpus=False,
        tags=TAGS,
    )
    settings = MusicnnSettings
    model = "musicnn"
    max_batch = 64
    dtype = np.float16

    def __init__(
        self, settings: MusicnnSettings, surroundings: Surroundings, failure_seconds: float = FAILURE_SECONDS
    ) -> None:
        super().__init__(surroundings, failure_seconds)
        self._settings = settings

    @classmethod
    def build(cls, surroundings: Surroundings) -> Self:
        return cls(MusicnnSettings.load(), surroundings)

    @property
    def preprocessing(self) -> MelWindows:
        return MelWindows()

    @property
    def window_samples(self) -> int:
        return FRAMES * BANDS

    @property
    def recipe(self) -> Mapping[str, str]:
        return {"windows": f"{WINDOWS}x3s"}

    def model_options(self, options: LoadOptions) -> Mapping[str, str]:
        return {"weights": self._settings.weights}
