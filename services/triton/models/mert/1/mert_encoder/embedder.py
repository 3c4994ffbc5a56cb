"""The loaded model: on its device, in its number format, with batches as large as its memory takes."""

import dataclasses
import platform
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mert_encoder.architecture import SAMPLE_RATE_HZ
from mert_encoder.checkpoint import Checkpoint, read_checkpoint
from mert_encoder.encoder import Encoder
from mert_encoder.errors import NoRoomError, OptionError
from mert_encoder.options import Options, chosen_layers
from mert_encoder.precision import Log, candidates, read_cpuinfo, settled
from mert_encoder.windows import normalised

Pcm = NDArray[np.int16]
Embeddings = NDArray[np.float32]


@dataclass(kw_only=True)
class Embedder:
    """A loaded MERT. Its one thread is the caller's."""

    checkpoint: Checkpoint
    encoder: Encoder
    dtype: str
    device: torch.device
    window_samples: int
    batch_limit: int
    """Windows that go through at once; halved when memory ran out, and never raised again."""
    log: Log
    halvings: int = 0

    def embed(self, pcm: Pcm) -> Embeddings:
        """pcm [B, window_samples] to [B, layers, width]: the mean over time of each chosen layer.

        Raises NoRoomError when not even one window fits.
        """
        parts: list[Tensor] = []
        done = 0
        while done < len(pcm):
            try:
                parts.append(self._embedded(pcm[done : done + self.batch_limit]))
                done += len(parts[-1])
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(len(pcm) - done, error)
        return torch.cat(parts).numpy()

    def _embedded(self, pcm: Pcm) -> Tensor:
        with torch.inference_mode():
            windows = torch.from_numpy(pcm).to(self.device)
            embeddings: Tensor = self.encoder(normalised(windows))
            return embeddings.cpu()

    def _halve(self, tried: int, error: BaseException) -> None:
        tried = min(tried, self.batch_limit)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if tried == 1:
            raise NoRoomError(
                f"one window of {self.window_samples} samples does not fit into the memory of {self.device}: "
                "give it more, or use MERT-v1-95M or shorter windows"
            ) from error
        self.batch_limit = tried // 2
        self.halvings += 1
        self.log(
            f"out of memory with {tried} windows at once on {self.device}: from now on {self.batch_limit}"
        )

    @property
    def labels(self) -> dict[str, str]:
        """What metrics say of it."""
        return {"checkpoint": self.checkpoint.name, "device": str(self.device), "dtype": self.dtype}

    def described(self) -> dict[str, Any]:
        """What makes up a vector, and where it is computed."""
        return {
            **self.labels,
            "digest": self.checkpoint.digest,
            "width": self.checkpoint.architecture.width,
            "window_samples": self.window_samples,
            "recipe": {
                "layer": "+".join(map(str, self.encoder.layers)),
                "window": f"{self.window_samples / SAMPLE_RATE_HZ:g}s",
                "norm": "window",
            },
            "device_name": device_name(self.device),
            "for_trials": self.checkpoint.architecture.for_trials,
            "batch_limit": self.batch_limit,
            "weights_bytes": self.checkpoint.size_bytes,
        }


def load_embedder(options: Options, *, batch_limit: int, log: Log) -> Embedder:
    """Read the weights and make the model ready. Raises MertError, whose message says what to do."""
    torch.set_num_threads(options.threads)
    device = chosen_device(options.device)
    names = candidates(options.dtype, device, read_cpuinfo())
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(options.gpu_memory_share or 1.0, device)
    checkpoint = read_checkpoint(options.weights)
    layers = chosen_layers(options.layers, checkpoint.architecture)
    encoder = Encoder(checkpoint.architecture, checkpoint.tensors, layers)
    encoder, dtype = settled(encoder, names, device, options.window_samples, log)
    return Embedder(
        checkpoint=dataclasses.replace(checkpoint, tensors={}),  # the encoder has copies of what it needs
        encoder=encoder,
        dtype=dtype,
        device=device,
        window_samples=options.window_samples,
        batch_limit=batch_limit,
        log=log,
    )


def chosen_device(wanted: str) -> torch.device:
    """The device; a GPU that is asked for and not there is an error, never a reason to use the processor."""
    if wanted == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device("cuda:0" if wanted == "cuda" else wanted)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise OptionError(
            f"device is {wanted}, and torch {torch.__version__} finds no GPU here: install a driver and a torch for "
            "GPUs, or set device to cpu"
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise OptionError(f"device is {wanted}, and there are {torch.cuda.device_count()} GPUs, from cuda:0")
    return device


def device_name(device: torch.device) -> str:
    """The GPU's name, or the kind of processor with the threads in use."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{platform.machine()}, {torch.get_num_threads()} threads"


def is_out_of_memory(error: BaseException) -> bool:
    """torch has a type of its own for a GPU's memory, and for the processor's a message alone."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return "can't allocate memory" in text or "out of memory" in text.lower()
