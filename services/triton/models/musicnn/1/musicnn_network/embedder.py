"""The loaded model: mel spectra of windows to the values that a vector is made of."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicnn_network.checkpoint import NAME, PENULTIMATE, TAGS, Checkpoint, read_checkpoint
from musicnn_network.network import BANDS, FRAMES, FloatArray, Network
from musicnn_network.options import Options

MelSpectra = NDArray[np.float16]
# Of the published preprocessing: log10(1 + 10000 x).
COMPRESSION = np.float32(10_000)
LOG_10 = np.float32(np.log(10))


@dataclass(kw_only=True)
class Embedder:
    """A loaded MusiCNN. It computes in the caller's thread."""

    checkpoint: Checkpoint
    network: Network
    batch_limit: int
    window_samples: int = FRAMES * BANDS
    halvings: int = 0

    def embed(self, mel: MelSpectra) -> FloatArray:
        """mel [windows, FRAMES * BANDS] to [windows, 250]: `penultimate`, then the probabilities of the tags."""
        x = compressed(mel).reshape(len(mel), FRAMES, BANDS)
        return np.concatenate(self.network(x), axis=1)

    @property
    def labels(self) -> dict[str, str]:
        """What metrics say of it."""
        return {"checkpoint": NAME, "device": "cpu", "dtype": "fp32"}

    def described(self) -> dict[str, Any]:
        """What makes up a vector, and where it is computed."""
        return {
            **self.labels,
            "digest": self.checkpoint.digest,
            "width": PENULTIMATE + TAGS,
            "window_samples": self.window_samples,
            "recipe": {"values": "penultimate+tags"},
            "device_name": "cpu",
            "for_trials": False,
            "batch_limit": self.batch_limit,
            "weights_bytes": self.checkpoint.size_bytes,
        }


def load_embedder(options: Options, *, batch_limit: int) -> Embedder:
    """Read the weights and make the model ready. Raises MusicnnError, whose message says what to do."""
    checkpoint = read_checkpoint(options.folder)
    return Embedder(checkpoint=checkpoint, network=Network(checkpoint.tensors), batch_limit=batch_limit)


def compressed(mel: MelSpectra) -> FloatArray:
    """log10(1 + 10000 x) in single precision."""
    x: FloatArray = np.log(mel.astype(np.float32) * COMPRESSION + np.float32(1)) / LOG_10
    return x
