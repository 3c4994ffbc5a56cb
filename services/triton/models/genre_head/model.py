"""The genre head as Triton's Python backend runs it: standardise, one linear layer, logits.

The weights lie beside this file in head.npz: mean [n], scale [n], clip [], weight [n, genres], bias [genres].
"""

from pathlib import Path

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        path = Path(args["model_repository"]) / args["model_version"] / "head.npz"
        with np.load(path, allow_pickle=False) as head:
            self.mean = head["mean"].astype(np.float32)
            self.scale = head["scale"].astype(np.float32)
            self.clip = float(head["clip"])
            self.weight = head["weight"].astype(np.float32)
            self.bias = head["bias"].astype(np.float32)

    def execute(self, requests):
        """Answer each request of a batch; those of the right width go through the layer in one product."""
        inputs = [pb_utils.get_input_tensor_by_name(request, "vectors").as_numpy() for request in requests]
        fitting = [vectors for vectors in inputs if self.fits(vectors)]
        logits = iter(self.logits(fitting))
        return [
            self.response(next(logits)) if self.fits(vectors) else self.refusal(vectors) for vectors in inputs
        ]

    def fits(self, vectors):
        return vectors.ndim == 2 and vectors.shape[1] == self.mean.shape[0]

    def logits(self, batches):
        if not batches:
            return []
        standardised = (np.concatenate(batches) - self.mean) / self.scale
        np.clip(standardised, -self.clip, self.clip, out=standardised)
        ends = np.cumsum([len(batch) for batch in batches])[:-1]
        return np.split(standardised @ self.weight + self.bias, ends)

    def response(self, logits):
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor("logits", np.ascontiguousarray(logits, np.float32))]
        )

    def refusal(self, vectors):
        message = f"vectors have shape {list(vectors.shape)}, this head wants [-1, {self.mean.shape[0]}]"
        return pb_utils.InferenceResponse(
            error=pb_utils.TritonError(message, pb_utils.TritonError.INVALID_ARG)
        )
