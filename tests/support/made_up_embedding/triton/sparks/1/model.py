"""Sparks in Triton: a small network of sines, whose weights are a formula."""

import numpy as np
from embedding_model import EmbeddingModel

SAMPLES, WIDTH = 8_000, 7


class TritonPythonModel(EmbeddingModel):
    name = "sparks"

    def read_options(self, parameters, environment):
        return parameters.get("colour", "red")

    def load(self, options):
        return Sparks(options, self.batch_limit)


class Sparks:
    window_samples = SAMPLES
    halvings = 0
    labels = {"checkpoint": "Sparks", "device": "cpu", "dtype": "fp32"}  # noqa: RUF012  it is never changed

    def __init__(self, colour, batch_limit):
        self.colour, self.batch_limit = colour, batch_limit
        self.weights = np.sin(np.outer(np.arange(SAMPLES), np.arange(1, WIDTH + 1))).astype(np.float32)

    def described(self):
        return self.labels | {
            "digest": "5".zfill(12),
            "width": WIDTH,
            "window_samples": SAMPLES,
            "recipe": {"colour": self.colour},
            "device_name": "cpu",
            "for_trials": False,
            "batch_limit": self.batch_limit,
            "weights_bytes": self.weights.nbytes,
        }

    def embed(self, windows):
        return 1 / (1 + np.exp(-(windows.astype(np.float32) / 1000) @ self.weights))
