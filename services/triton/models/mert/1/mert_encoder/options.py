"""How the model is to run: parameters of Triton's model configuration, over variables of Triton's environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mert_encoder.architecture import SAMPLE_RATE_HZ, Architecture
from mert_encoder.errors import OptionError

PREFIX = "TRITON_MERT_"
# By name alone: to import torch for them would cost a second where there are no weights.
DTYPES = ("fp32", "fp16", "bf16")
DEFAULTS = {
    "weights": "",
    "layers": "auto",
    "window_seconds": "5",
    "device": "auto",
    "gpu_memory_share": "",
    "dtype": "auto",
    "threads": "",
}
WINDOWS_SECONDS = (1.0, 30.0)
# Those that the public benchmark MARBLE takes for genre: of a model that is normed after its parts, and before.
GENRE_LAYER = {False: 7, True: 10}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Checked, as far as can be without the weights."""

    weights: Path
    layers: str
    window_samples: int
    device: str
    """auto, cpu, cuda or cuda:N."""
    gpu_memory_share: float | None
    dtype: str
    threads: int


def read_options(parameters: Mapping[str, str], environment: Mapping[str, str]) -> Options:
    """A parameter that is set wins, then the variable TRITON_MERT_<NAME>, then the default. Raises OptionError."""
    for name in parameters.keys() - DEFAULTS.keys():
        raise OptionError(f"there is no parameter {name}; there are {', '.join(DEFAULTS)}")
    values = {
        name: parameters.get(name) or environment.get(f"{PREFIX}{name.upper()}") or default
        for name, default in DEFAULTS.items()
    }
    if not values["weights"]:
        raise OptionError(
            "no weights of MERT are named: download m-a-p/MERT-v1-95M or -330M (docs/install.md, 'MERT', says how) "
            f"and give its folder as parameter weights or {PREFIX}WEIGHTS"
        )
    return Options(
        weights=Path(values["weights"]),
        layers=values["layers"],
        window_samples=round(
            _between("window_seconds", values["window_seconds"], *WINDOWS_SECONDS) * SAMPLE_RATE_HZ
        ),
        device=_device(values["device"]),
        gpu_memory_share=_share(values["gpu_memory_share"]),
        dtype=_one_of("dtype", values["dtype"], ("auto", *DTYPES)),
        threads=_threads(values["threads"]),
    )


def chosen_layers(wanted: str, architecture: Architecture) -> tuple[int, ...]:
    """`auto`, `last`, one number or several with commas between. 0 is what enters the first block."""
    if wanted == "auto":
        return (min(GENRE_LAYER[architecture.pre_norm], architecture.layers),)
    if wanted == "last":
        return (architecture.layers,)
    try:
        layers = tuple(int(part) for part in wanted.split(","))
    except ValueError:
        raise OptionError(
            f"layers is {wanted!r}: it is auto, last, a number, or numbers like 6,7,8"
        ) from None
    for layer in layers:
        if not 0 <= layer <= architecture.layers:
            raise OptionError(f"layers names {layer}: this model has the layers 0 to {architecture.layers}")
    if len(set(layers)) < len(layers):
        raise OptionError(f"layers is {wanted!r}: it names a layer twice")
    return layers


def _device(value: str) -> str:
    if not re.fullmatch("auto|cpu|cuda(:[0-9]{1,2})?", value):
        raise OptionError(f"device is {value!r}: it is auto, cpu, cuda or cuda:N")
    return value


def _share(value: str) -> float | None:
    return _between("gpu_memory_share", value, 0.05, 1.0) if value else None


def _threads(value: str) -> int:
    """As many as this process may use, where nothing is said: Triton's environment pins libraries to one."""
    if not value:
        return len(os.sched_getaffinity(0))
    return round(_between("threads", value, 1, 1024))


def _between(name: str, value: str, least: float, most: float) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise OptionError(f"{name} is {value!r}: it is a number from {least:g} to {most:g}")
    return number


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise OptionError(f"{name} is {value!r}: it is one of {', '.join(allowed)}")
    return value
