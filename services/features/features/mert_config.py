"""How the MERT model is loaded: what a deployment and a request may choose of it, as Triton's configuration has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.compute import Compute, Device

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


def model_config(choice: Choice, wish: Wish) -> Mapping[str, Any]:
    """The whole configuration: what is sent with a load takes the place of the model's config.pbtxt.

    A test keeps the two together.
    """
    return {
        "name": MODEL,
        "backend": "python",
        "max_batch_size": MAX_BATCH,
        "input": [
            {"name": "pcm", "data_type": "TYPE_INT16", "dims": [-1]},
        ],
        "output": [
            {"name": "embedding", "data_type": "TYPE_FP32", "dims": [-1, -1]},
            {"name": "description", "data_type": "TYPE_STRING", "dims": [1]},
        ],
        "instance_group": [{"kind": "KIND_CPU", "count": 1}],
        "dynamic_batching": {},
        "parameters": {name: {"string_value": value} for name, value in _parameters(choice, wish).items()},
    }


def _parameters(choice: Choice, wish: Wish) -> Mapping[str, str]:
    return {
        "weights": choice.weights,
        "layers": choice.layers.replace("+", ","),
        "window_seconds": str(choice.window_seconds),
        "dtype": choice.dtype,
        "device": wish.device.name.lower(),
        "gpu_memory_share": "" if wish.gpu_memory_share is None else f"{wish.gpu_memory_share:g}",
    }
