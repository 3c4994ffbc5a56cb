"""How the models of embeddings are to run, as a request says it."""

from dataclasses import dataclass
from enum import Enum, auto


class Device(Enum):
    """Where embeddings are computed; the FMA values never need it."""

    AUTO = auto()
    CUDA = auto()
    CPU = auto()


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """Those for which a model may have to be loaded anew; None takes the model's own."""

    device: Device = Device.AUTO
    gpu_memory_share: float | None = None
    """Above 0, at most 1."""


@dataclass(frozen=True, kw_only=True)
class ComputeOptions:
    """All that a request says."""

    load: LoadOptions = LoadOptions()
    batch_size: int | None = None
    """Windows of audio in one call of a model, at most; None takes the model's own."""
