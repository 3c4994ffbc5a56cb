"""MERT-v1 as an embedding; its model stands in Triton (services/triton/models/mert).

A window in, the means over time of the chosen layers out; the vector of a song is their mean over windows and layers.
"""

import json
from collections.abc import Mapping
from typing import Any, Self

from features.embeddings.embedding import ModelCard, Surroundings
from features.embeddings.mert.settings import MertSettings
from features.embeddings.mert.windows import SAMPLE_RATE_HZ, PcmWindows
from features.embeddings.options import LoadOptions
from features.embeddings.triton_embedding import FAILURE_SECONDS, TritonEmbedding, TritonModelDescription


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

    def parameters(self, options: LoadOptions) -> Mapping[str, str]:
        share = options.gpu_memory_share
        wanted = {
            "weights": self._settings.weights,
            "layers": self._settings.layers.replace("+", ","),
            "window_seconds": str(self._settings.window_seconds),
            "dtype": self._settings.dtype,
            "device": options.device.name.lower(),
            "gpu_memory_share": "" if share is None else f"{share:g}",
        }
        return {"options": json.dumps(wanted)}

    def parsed(self, description: str | bytes) -> TritonModelDescription:
        found: Mapping[str, Any] = json.loads(description)
        try:
            window_samples = int(found["window_samples"])
            return TritonModelDescription(
                checkpoint=str(found["checkpoint"]),
                digest=str(found["digest"]),
                recipe=(
                    f"layer={'+'.join(map(str, found['layers']))}",
                    f"window={window_samples / SAMPLE_RATE_HZ:g}s",
                    f"norm={found['normalize']}",
                ),
                length=int(found["width"]),
                device=str(found["device"]),
                device_name=str(found["device_name"]),
                dtype=str(found["dtype"]),
                for_trials=bool(found["for_trials"]),
                window_samples=window_samples,
                batch_limit=max(1, int(found["batch_limit"])),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"the model's description lacks {error}") from error
