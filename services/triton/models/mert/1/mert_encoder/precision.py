"""The number format that the encoder runs in: the fastest that gives the same answer as single precision here."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812  as everywhere
from torch import Tensor

from mert_encoder.architecture import SAMPLE_RATE_HZ
from mert_encoder.encoder import Encoder
from mert_encoder.errors import CheckpointError, OptionError
from mert_encoder.windows import normalised

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
LEAST_COSINE = 0.999
CPUINFO = Path("/proc/cpuinfo")
Log = Callable[[str], None]


def candidates(wanted: str, device: torch.device, cpuinfo: str) -> Sequence[str]:
    """The formats to try, best first. Raises OptionError for one that is never right on this device."""
    if wanted != "auto":
        if wanted == "fp16" and device.type == "cpu":
            raise OptionError("dtype fp16 is many times slower on a processor: use auto, bf16 or fp32")
        return (wanted,)
    if device.type != "cpu":
        return ("fp16", "bf16", "fp32")
    return ("bf16", "fp32") if multiplies_bf16(cpuinfo) else ("fp32",)


def multiplies_bf16(cpuinfo: str) -> bool:
    """Whether the processor that /proc/cpuinfo tells of multiplies bfloat16 faster than single precision.

    AMX does, and AVX512-BF16 of AMD: both were built for twice the rate and more. Intel's AVX512-BF16 without AMX (as
    virtual machines often show it) runs at half the rate of single precision. It is told by name and not by a
    measurement, because the format is part of a vector's version and must not change with the load of a machine.
    """
    known = dict(line.partition(":")[::2] for line in reversed(cpuinfo.splitlines()))
    values = {name.strip(): value.split() for name, value in known.items()}
    flags = values.get("flags", [])
    return "amx_bf16" in flags or ("avx512_bf16" in flags and values.get("vendor_id") == ["AuthenticAMD"])


def read_cpuinfo() -> str:
    """What the kernel says of the processor; nothing where it says nothing."""
    return CPUINFO.read_text() if CPUINFO.exists() else ""


def settled(
    encoder: Encoder, names: Sequence[str], device: torch.device, samples: int, log: Log
) -> tuple[Encoder, str]:
    """The encoder on its device in the first format that passes the test, and that format's name.

    1. One fixed window is encoded in single precision; what is not finite then comes from broken weights.
    2. In each format it must come out finite and in nearly the same direction for every layer.
    """
    encoder = encoder.to(device)
    y = normalised(fixed_window(samples)).to(device)
    reference = encoded(encoder, y)
    if not reference.isfinite().all():
        raise CheckpointError("the weights give values that are not finite: download them again")
    for name in names:
        if name == "fp32":
            return encoder, name
        trial = copy.deepcopy(encoder).to(DTYPES[name])
        cosine = least_cosine(encoded(trial, y), reference)
        if cosine >= LEAST_COSINE:
            log(f"{name} is within a cosine of {cosine:.6f} of single precision")
            return trial, name
        log(f"{name} fails its test: the least cosine to single precision is {cosine:.4f}")
    raise OptionError(f"dtype {names[-1]} does not give the answer of single precision here: use auto")


def encoded(encoder: Encoder, y: Tensor) -> Tensor:
    """What the encoder says of one window [N]: [layers, width] in single precision."""
    with torch.inference_mode():
        found: Tensor = encoder(y)[0]
    return found


def least_cosine(found: Tensor, wanted: Tensor) -> float:
    """The least cosine over layers; -1 where something is not finite."""
    if not found.isfinite().all():
        return -1.0
    return float(F.cosine_similarity(found.double(), wanted.double(), dim=1).min())


def fixed_window(samples: int) -> Tensor:
    """pcm [1, samples]: tones, a sweep and noise, the same every time."""
    t = torch.arange(samples, dtype=torch.float64) / SAMPLE_RATE_HZ
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(24_000), dtype=torch.float64)
    hertz = torch.tensor([55.0, 220.0, 277.2, 329.6, 1318.5], dtype=torch.float64)[:, None]
    tones = (torch.sin(2 * torch.pi * hertz * t) / hertz.sqrt()).sum(dim=0)
    sweep = torch.sin(2 * torch.pi * 400.0 * t * t)
    y: Tensor = tones + 0.05 * sweep + 0.02 * noise
    return torch.round(y / y.abs().max() * 32_767).to(torch.int16)[None]
