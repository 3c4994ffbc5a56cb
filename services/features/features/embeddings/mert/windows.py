"""What of MERT is arithmetic: the windows of an excerpt as its model takes them, and the vector that its answers make.

The model stands in Triton (services/triton/models/mert): one window in, the means over time of the chosen layers out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.audio.excerpts import Part

FloatArray = npt.NDArray[np.float32]
PcmArray = npt.NDArray[np.int16]

SAMPLE_RATE_HZ = 24_000
PCM_PEAK = 32_767
# What resampling leaves behind a whole number of windows is no reason for another window of almost the same sound.
SLACK_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Description:
    """What the model in Triton says of itself."""

    checkpoint: str
    """As its publisher names it: "MERT-v1-95M"."""
    digest: str
    """First digits of the weights' SHA-256."""
    layers: tuple[str, ...]
    """The layers whose means it answers with: "7", or "last"."""
    width: int
    """Values of a layer."""
    window_samples: int
    normalize: str
    """How a window is scaled before it is heard: "window", or "none"."""
    device: str
    """ "cpu", or "cuda:0"."""
    device_name: str
    dtype: str
    """ "fp32", "bf16" or "fp16"."""
    for_trials: bool
    """The weights are random ones: its vectors mean nothing."""
    batch_limit: int
    """Windows in one request, at most, as its memory is now."""

    @classmethod
    def parse(cls, text: str | bytes) -> "Description":
        """Read the JSON of the output `description`; raises ValueError where it lacks something."""
        said: Mapping[str, Any] = json.loads(text)
        try:
            return cls(
                checkpoint=str(said["checkpoint"]),
                digest=str(said["digest"]),
                layers=tuple(map(str, said["layers"])),
                width=int(said["width"]),
                window_samples=int(said["window_samples"]),
                normalize=str(said["normalize"]),
                device=str(said["device"]),
                device_name=str(said["device_name"]),
                dtype=str(said["dtype"]),
                for_trials=bool(said["for_trials"]),
                batch_limit=max(1, int(said["batch_limit"])),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"the model's description lacks {error}") from error

    def in_words(self) -> str:
        """For a person: what runs where."""
        on = self.device if self.device_name in ("", self.device) else f"{self.device} ({self.device_name})"
        trial = ", trial weights: verdicts mean nothing" if self.for_trials else ""
        return f"{self.checkpoint} on {on} in {self.dtype}{trial}"


def version(description: Description, part: Part) -> str:
    """Everything that changes the values: vectors of two versions are never mixed."""
    parts = [
        f"{description.checkpoint.lower()}/{description.digest}",
        f"layer={'+'.join(description.layers)}",
        f"window={description.window_samples / SAMPLE_RATE_HZ:g}s",
        f"norm={description.normalize}",
        f"dtype={description.dtype}",
        *(["weights=trial"] if description.for_trials else []),
        f"excerpt={part.made}",
    ]
    return ";".join(parts)


def pcm_windows(y: FloatArray, window_samples: int) -> PcmArray:
    """The windows of an excerpt, ready to be sent [shape=(windows, window_samples)].

    1. They follow one another without a gap, and the last one is moved back to end where the excerpt ends. None is
       filled up with zeros: the model normalises over time, and zeros would change what it hears of the rest.
    2. An excerpt that is shorter than a window is repeated.
    3. Each window is scaled to the full range of 16 bits, so that quiet music keeps its precision.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        mono, float32 at 24,000 Hz, finite, not empty
    """
    if y.ndim != 1 or y.size == 0:
        raise ValueError(f"the excerpt has the shape {y.shape}; one channel with samples is needed")
    if y.size < window_samples:
        return _to_pcm(np.resize(y, (1, window_samples)))
    return _to_pcm(np.stack([y[start : start + window_samples] for start in _starts(y.size, window_samples)]))


def _starts(samples: int, window_samples: int) -> list[int]:
    slack = min(round(SLACK_SECONDS * SAMPLE_RATE_HZ), window_samples // 10)
    count = max(1, -(-(samples - slack) // window_samples))
    return [*(number * window_samples for number in range(count - 1)), samples - window_samples]


def _to_pcm(windows: FloatArray) -> PcmArray:
    peaks = np.abs(windows).max(axis=1, keepdims=True)
    # A silent window stays silent.
    scale = np.divide(PCM_PEAK, peaks, out=np.zeros_like(peaks), where=peaks > 0)
    pcm: PcmArray = np.rint(windows * scale).astype(np.int16)
    return pcm


def mean_embedding(embeddings: FloatArray) -> FloatArray:
    """The vector of a song [shape=(width,)], from the answers to its windows [shape=(windows, layers, width)].

    Raises ValueError where a value is not finite.
    """
    mean: FloatArray = embeddings.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    if not np.isfinite(mean).all():
        raise ValueError("the model answered with values that are not finite")
    return mean
