"""The genre head as Triton's Python backend runs it: standardise, at most one hidden layer, logits; and the distance.

The weights lie beside this file in head.npz: mean [n], scale [n], clip [], weight [h, genres], bias [genres]; for a
hidden layer of rectified units hidden_weight [n, h] and hidden_bias [h], for one of radial basis functions landmarks
[n, h] and gamma [], else h is n; for the Mahalanobis distance from the training songs basis [n, d], whitening [d, d],
centres [genres, d] and residual [].
"""

from pathlib import Path

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        path = Path(args["model_repository"]) / args["model_version"] / "head.npz"
        with np.load(path, allow_pickle=False) as head:
            self.head = {name: head[name].astype(np.float32) for name in head.files}
        self.width = self.head["mean"].shape[0]

    def execute(self, requests):
        """Answer each request of a batch; those of the right width go through the head together."""
        inputs = [pb_utils.get_input_tensor_by_name(request, "vectors").as_numpy() for request in requests]
        fitting = [vectors for vectors in inputs if self.fits(vectors)]
        answers = iter(self.answers(fitting))
        return [
            self.response(*next(answers)) if self.fits(vectors) else self.refusal(vectors)
            for vectors in inputs
        ]

    def fits(self, vectors):
        return vectors.ndim == 2 and vectors.shape[1] == self.width

    def answers(self, batches):
        if not batches:
            return []
        standardised = (np.concatenate(batches) - self.head["mean"]) / self.head["scale"]
        np.clip(standardised, -self.head["clip"], self.head["clip"], out=standardised)
        ends = np.cumsum([len(batch) for batch in batches])[:-1]
        return zip(
            np.split(self.logits(standardised), ends),
            np.split(self.distances(standardised), ends),
            strict=True,
        )

    def logits(self, standardised):
        """[rows, genres]"""
        if "hidden_weight" in self.head:
            standardised = np.maximum(standardised @ self.head["hidden_weight"] + self.head["hidden_bias"], 0)
        if "landmarks" in self.head:
            standardised = self.radial_basis(standardised, self.head["landmarks"])
        return standardised @ self.head["weight"] + self.head["bias"]

    def radial_basis(self, standardised, landmarks):
        """[rows, h] exp(-gamma * squared distance to each landmark)."""
        squares = standardised @ (-2 * landmarks)
        squares += (standardised**2).sum(axis=1, keepdims=True) + (landmarks**2).sum(axis=0)
        return np.exp(-self.head["gamma"] * np.maximum(squares, 0))

    def distances(self, standardised):
        """[rows, 1] distance to the nearest genre."""
        centres = self.head["centres"]
        along = standardised @ self.head["basis"]
        whitened = along @ self.head["whitening"]
        squares = (whitened**2).sum(axis=1, keepdims=True) + (centres**2).sum(axis=1)
        nearest = np.maximum((squares - 2 * whitened @ centres.T).min(axis=1), 0)
        left = np.maximum((standardised**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        return np.sqrt(nearest / along.shape[1] + left / self.head["residual"] ** 2)[:, np.newaxis]

    def response(self, logits, distances):
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor("logits", np.ascontiguousarray(logits, np.float32)),
                pb_utils.Tensor("distance", np.ascontiguousarray(distances, np.float32)),
            ]
        )

    def refusal(self, vectors):
        message = f"vectors have shape {list(vectors.shape)}, this head wants [-1, {self.width}]"
        return pb_utils.InferenceResponse(
            error=pb_utils.TritonError(message, pb_utils.TritonError.INVALID_ARG)
        )
