"""How models of embeddings are to run, as a request says it."""

from dataclasses import dataclass
from enum import Enum, auto


class Device(Enum):
    """Where embeddings are computed; the FMA values never need it."""

    AUTO = auto()
    CUDA = auto()
    CPU = auto()


@dataclass(frozen=True, kw_only=True)
class Compute:
    """What a request wants; None takes the model's own."""

    device: Device = Device.AUTO
    gpu_memory_share: float | None = None
    """Above 0, at most 1."""
    batch_size: int | None = None
    """Windows of audio in one call of a model, at most."""
