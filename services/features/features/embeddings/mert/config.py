"""How the MERT model is wished: what a deployment and a request may choose of it, as parameters of a request to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from features.embeddings.options import Compute, Device

MODEL = "mert"
MAX_BATCH = 192


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What this deployment has chosen; empty and "auto" leave it to the model."""

    layers: str = "auto"
    window_seconds: int = 5
    dtype: str = "auto"
    weights: str = ""
    """The checkpoint's folder, as Triton sees it; empty: what Triton's own environment says."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a request wishes, as far as the model has to be loaded for it."""

    device: Device = Device.AUTO
    gpu_memory_share: float | None = None

    @classmethod
    def of(cls, compute: Compute) -> "Wish":
        """The part of `compute` that is one of loading."""
        return cls(device=compute.device, gpu_memory_share=compute.gpu_memory_share)


def parameters(choice: Choice, wish: Wish) -> Mapping[str, str]:
    """What goes with every request: the model reads its weights anew where it is not as a request wishes it."""
    return {"wish": json.dumps(_options(choice, wish))}


def _options(choice: Choice, wish: Wish) -> Mapping[str, str]:
    return {
        "weights": choice.weights,
        "layers": choice.layers.replace("+", ","),
        "window_seconds": str(choice.window_seconds),
        "dtype": choice.dtype,
        "device": wish.device.name.lower(),
        "gpu_memory_share": "" if wish.gpu_memory_share is None else f"{wish.gpu_memory_share:g}",
    }
