"""How models of embeddings are to run, as a request says it, and whether that can be had."""

from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

# The driver's own file: there exactly where a container or a machine has been given an NVIDIA GPU.
GPU_DRIVER = Path("/proc/driver/nvidia/version")


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


def why_not(device: Device, driver: Path = GPU_DRIVER) -> str:
    """Why the device cannot be had, and what to do; empty where it can. Never another device in silence."""
    if device is not Device.CUDA or driver.exists():
        return ""
    return "the setting device is cuda, and there is no NVIDIA GPU here: set it to auto or cpu, or add a GPU"
