"""The genre head as Triton's Python backend runs it: standardise, at most one hidden layer, logits; and the distance.

The weights lie beside this file in head.npz: mean [n], scale [n], clip [], weight [h, genres], bias [genres]; for a
hidden layer of rectified units hidden_weight [n, h] and hidden_bias [h], for one of radial basis functions landmarks
[n, h] and gamma [], else h is n; for the Mahalanobis distance from the training songs basis [n, d], whitening [d, d],
centres [genres, d] and residual []. The same of the head of a fold, which has learned from all songs but those of the
fold, in fold-0.npz and so on; such a head is read when it is first asked.
"""

from pathlib import Path

import numpy as np
import triton_python_backend_utils as pb_utils

NO_FOLD = -1


class TritonPythonModel:
    def initialize(self, args):
        self.folder = Path(args["model_repository"]) / args["model_version"]
        self.heads = {NO_FOLD: Head(self.folder / "head.npz")}

    def execute(self, requests):
        """Answer each request of a batch; all rows of a head go through it together."""
        asked = [(vectors_of(request), folds_of(request)) for request in requests]
        problems = [self.problem(vectors, folds) for vectors, folds in asked]
        sound = [each for each, problem in zip(asked, problems, strict=True) if not problem]
        answers = iter(self.answers(sound))
        return [refusal(problem) if problem else response(*next(answers)) for problem in problems]

    def problem(self, vectors, folds):
        """What is wrong with a request, or None."""
        width = self.heads[NO_FOLD].width
        if vectors.ndim != 2 or vectors.shape[1] != width:
            return f"vectors have shape {list(vectors.shape)}, this head wants [-1, {width}]"
        if len(folds) != len(vectors):
            return f"there are {len(vectors)} vectors and {len(folds)} folds"
        unknown = [fold for fold in np.unique(folds).tolist() if not self.has(fold)]
        return f"there is no head of fold {unknown[0]}" if unknown else None

    def has(self, fold):
        return fold in self.heads or (self.folder / f"fold-{fold}.npz").is_file()

    def head(self, fold):
        if fold not in self.heads:
            self.heads[fold] = Head(self.folder / f"fold-{fold}.npz")
        return self.heads[fold]

    def answers(self, asked):
        """The logits and distances of each request."""
        if not asked:
            return []
        vectors = np.concatenate([vectors for vectors, _ in asked])
        folds = np.concatenate([folds for _, folds in asked])
        logits, distances = self.outputs(vectors, folds)
        ends = np.cumsum([len(vectors) for vectors, _ in asked])[:-1]
        return zip(np.split(logits, ends), np.split(distances, ends), strict=True)

    def outputs(self, vectors, folds):
        """[rows, genres] logits and [rows, 1] distances, of each row by the head of its fold."""
        used = np.unique(folds).tolist()
        if len(used) == 1:
            return self.head(used[0]).outputs(vectors)
        logits = np.empty((len(vectors), self.heads[NO_FOLD].genres), dtype=np.float32)
        distances = np.empty((len(vectors), 1), dtype=np.float32)
        for fold in used:
            own = folds == fold
            logits[own], distances[own] = self.head(fold).outputs(vectors[own])
        return logits, distances


class Head:
    """One head's weights."""

    def __init__(self, path):
        with np.load(path, allow_pickle=False) as arrays:
            self.arrays = {name: arrays[name].astype(np.float32) for name in arrays.files}
        self.width = len(self.arrays["mean"])
        self.genres = len(self.arrays["bias"])
        # Once: a few rows cost less than a pass over the landmarks, which have megabytes.
        self.landmark_squares = (
            (self.arrays["landmarks"] ** 2).sum(axis=0) if "landmarks" in self.arrays else None
        )

    def outputs(self, vectors):
        standardised = (vectors - self.arrays["mean"]) / self.arrays["scale"]
        np.clip(standardised, -self.arrays["clip"], self.arrays["clip"], out=standardised)
        return self.logits(standardised), self.distances(standardised)

    def logits(self, standardised):
        """[rows, genres]"""
        arrays = self.arrays
        if "hidden_weight" in arrays:
            standardised = np.maximum(standardised @ arrays["hidden_weight"] + arrays["hidden_bias"], 0)
        if "landmarks" in arrays:
            standardised = self.radial_basis(standardised)
        return standardised @ arrays["weight"] + arrays["bias"]

    def radial_basis(self, standardised):
        """[rows, h] exp(-gamma * squared distance to each landmark)."""
        squares = standardised @ self.arrays["landmarks"]
        squares *= -2
        squares += (standardised**2).sum(axis=1, keepdims=True) + self.landmark_squares
        return np.exp(-self.arrays["gamma"] * np.maximum(squares, 0))

    def distances(self, standardised):
        """[rows, 1] distance to the nearest genre."""
        centres = self.arrays["centres"]
        along = standardised @ self.arrays["basis"]
        whitened = along @ self.arrays["whitening"]
        squares = (whitened**2).sum(axis=1, keepdims=True) + (centres**2).sum(axis=1)
        nearest = np.maximum((squares - 2 * whitened @ centres.T).min(axis=1), 0)
        left = np.maximum((standardised**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        return np.sqrt(nearest / along.shape[1] + left / self.arrays["residual"] ** 2)[:, np.newaxis]


def vectors_of(request):
    return pb_utils.get_input_tensor_by_name(request, "vectors").as_numpy()


def folds_of(request):
    """[rows] the fold whose head each row asks; none named is `NO_FOLD` for all."""
    tensor = pb_utils.get_input_tensor_by_name(request, "fold")
    if tensor is None:
        return np.full(len(vectors_of(request)), NO_FOLD)
    return tensor.as_numpy().ravel()


def response(logits, distances):
    return pb_utils.InferenceResponse(
        [
            pb_utils.Tensor("logits", np.ascontiguousarray(logits, np.float32)),
            pb_utils.Tensor("distance", np.ascontiguousarray(distances, np.float32)),
        ]
    )


def refusal(problem):
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(problem, pb_utils.TritonError.INVALID_ARG))
