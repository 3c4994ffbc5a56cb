"""Golden MERT: weights and a tone by formula, and what the original code says of them (tests/data/mert_golden.json).

The numbers there were made by the code that was published with MERT, so they do not depend on ours.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from trial_weights import PUBLISHED, write_config, write_weights

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "mert_golden.json").read_text())
NAMES = ("tiny95", "tiny330")


def golden_config(name: str) -> dict[str, Any]:
    """The config of a golden model, with every flag of the published ones."""
    return PUBLISHED | GOLDEN[name]["config"]


def golden_tensors(name: str) -> dict[str, NDArray[np.float32]]:
    """The tensors of a golden model, in the names and order of its file."""
    return {tensor: golden_values(tensor, tuple(shape)) for tensor, shape in GOLDEN[name]["keys"].items()}


def golden_pooled(name: str) -> NDArray[np.float64]:
    """What the original code says of the tone: the mean over time of each layer from 0, [layers + 1, width]."""
    return np.array(GOLDEN[name]["pooled"])


def write_golden(folder: Path, name: str, *, safetensors: bool = False, parametrized: bool = False) -> Path:
    """A golden model as a folder of published files."""
    write_config(folder, golden_config(name))
    write_weights(folder, golden_tensors(name), safetensors=safetensors, parametrized=parametrized)
    return folder


def golden_values(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The values of a tensor: uniform noise that its name decides, stretched and shifted by what it is."""
    noise = golden_noise(name, int(np.prod(shape))).reshape(shape)
    if name.endswith("weight_g"):
        values = 1.0 + 0.5 * noise
    elif "norm" in name and name.endswith("weight"):
        values = 1.0 + 0.3 * noise
    elif name.endswith("bias"):
        values = 0.1 * noise
    elif name == "masked_spec_embed":
        values = 0.5 * noise
    else:
        values = 1.5 * noise / np.sqrt(np.prod(shape[1:]))
    return np.asarray(values, np.float32)


def golden_noise(name: str, count: int) -> NDArray[np.float64]:
    """Numbers in [-1, 1): FNV-1a of the name, mixed with each index as murmur's last step does."""
    state = 2_166_136_261
    for byte in name.encode():
        state = ((state ^ byte) * 16_777_619) % 2**32
    mixed = np.arange(count, dtype=np.uint32) * np.uint32(2_654_435_761) + np.uint32(state)
    mixed ^= mixed >> np.uint32(16)
    mixed *= np.uint32(2_246_822_507)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(3_266_489_909)
    mixed ^= mixed >> np.uint32(16)
    return mixed / 2.0**31 - 1.0


def golden_tone(samples: int = 48_000, sample_rate_hz: int = 24_000) -> NDArray[np.float32]:
    """Two seconds: a low tone, a high one with vibrato, and a sweep."""
    t = np.arange(samples) / sample_rate_hz
    low = 0.3 * np.sin(2 * np.pi * 220 * t)
    high = 0.1 * np.sin(2 * np.pi * 1318.5 * t + 0.5 * np.sin(2 * np.pi * 3 * t))
    sweep = 0.05 * np.sin(2 * np.pi * 5000 * t * t)
    return np.asarray(low + high + sweep, np.float32)


def music(windows: int, samples: int, *, seed: int = 1) -> NDArray[np.int16]:
    """Windows that differ from each other: chords with a beat and noise, [windows, samples] at full scale."""
    draw = np.random.default_rng(seed)
    t = np.arange(samples) / 24_000
    found = []
    for _ in range(windows):
        hertz = draw.uniform(60, 2000, size=(6, 1))
        beat = 0.6 + 0.4 * np.sign(np.sin(2 * np.pi * draw.uniform(1, 4) * t))
        y = beat * np.sin(2 * np.pi * hertz * t).sum(axis=0) + 0.2 * draw.standard_normal(samples)
        found.append(np.round(y / np.abs(y).max() * 32_767))
    return np.array(found, dtype=np.int16)
