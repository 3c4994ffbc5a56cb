"""MERT-v1 as an embedding; its model stands in Triton (services/triton/models/mert).

A window in, the means over time of the chosen layers out; the vector of a song is their mean over windows and layers.

Its model normalises each window to mean 0 and variance 1, which the version says (norm=window), as the benchmark
MARBLE does for both models. The published 95M says `do_normalize: false`: its vectors and these have a cosine of 0.9999
at usual levels, and of 0.68 at -40 dB, where a quiet song becomes another song. So its `do_normalize` is not followed.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np

from features.embeddings.embedding import ModelCard, Surroundings
from features.embeddings.mert.settings import MertSettings
from features.embeddings.mert.windows import SAMPLE_RATE_HZ, PcmWindows
from features.embeddings.options import LoadOptions
from features.embeddings.triton_embedding import FAILURE_SECONDS, TritonEmbedding


class MertEmbedding(TritonEmbedding):
    """Layer 7 of the 95M model, or layer 10 of 330M: those that the benchmark MARBLE takes for genres."""

    card = ModelCard(
        kind=2,
        name="MERT",
        lengths=(768, 1024),
        sample_rate_hz=SAMPLE_RATE_HZ,
        windows="5 s or 30 s",
        licence="CC-BY-NC-4.0",
        weights="m-a-p/MERT-v1-95M or m-a-p/MERT-v1-330M on the Hugging Face Hub; `make mert-weights` checks them",
        cpu_seconds=3.7,
    )
    settings = MertSettings
    model = "mert"
    max_batch = 192
    dtype = np.int16

    def __init__(
        self, settings: MertSettings, surroundings: Surroundings, failure_seconds: float = FAILURE_SECONDS
    ) -> None:
        super().__init__(surroundings, failure_seconds)
        self._settings = settings

    @classmethod
    def build(cls, surroundings: Surroundings) -> Self:
        return cls(MertSettings.load(), surroundings)

    @property
    def preprocessing(self) -> PcmWindows:
        return PcmWindows(window_samples=self.window_samples)

    @property
    def window_samples(self) -> int:
        return self._settings.window_seconds * SAMPLE_RATE_HZ

    def model_options(self, options: LoadOptions) -> Mapping[str, str]:
        share = options.gpu_memory_share
        return {
            "weights": self._settings.weights,
            "layers": self._settings.layers.replace("+", ","),
            "window_seconds": str(self._settings.window_seconds),
            "dtype": self._settings.dtype,
            "device": options.device.name.lower(),
            "gpu_memory_share": "" if share is None else f"{share:g}",
        }
