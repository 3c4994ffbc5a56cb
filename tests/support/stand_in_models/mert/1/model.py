"""A model that answers as MERT's does, at once and without torch: what each value is can be worked out by a test.

Its "weights" are a folder with said.json: what is there goes into its description, and "fault" makes it fail.
"""

import json
import os
from pathlib import Path

import numpy as np
import triton_python_backend_utils as pb_utils

WIDTH = 768
FEWER_THAN_ALL = 8


class TritonPythonModel:
    """One window in; for each layer n its loudness times n, its first sample and zeros out."""

    def initialize(self, args):
        self._options = None

    def _prepare(self, options):
        """As the real one: weights are read for the first request, and when another asks for other ones."""
        if (options, self._test_of(options)) == self._options:
            return
        parameters = {"layers": "auto", "window_seconds": "5", "device": "auto"} | json.loads(options)
        if not self._said():
            raise ValueError(f"{self._folder} is no folder with weights: docs/install.md, 'MERT', says how")
        device = parameters["device"]
        if device == "cuda" and not self._said().get("has_gpu"):
            raise ValueError("the device is cuda and there is no GPU")
        pb_utils.Logger.log_info(f"weights read: {options}")
        self._options = options, self._test_of(options)
        on_gpu = device != "cpu" and bool(self._said().get("has_gpu"))
        layers = [7] if parameters["layers"] == "auto" else parameters["layers"].split(",")
        self._layers = [int(layer) for layer in layers]
        self._description = {
            "checkpoint": "MERT-v1-95M",
            "digest": "0123456789ab",
            "recipe": {
                "layer": "+".join(map(str, self._layers)),
                "window": f"{parameters['window_seconds']}s",
                "norm": "window",
            },
            "weights_bytes": 377_000_000,
            "width": WIDTH,
            "window_samples": 24_000 * int(parameters["window_seconds"]),
            "device": "cuda:0" if on_gpu else "cpu",
            "device_name": "a GPU" if on_gpu else "a processor",
            "dtype": "fp32",
            "for_trials": True,
            "batch_limit": FEWER_THAN_ALL,
        }

    def _test_of(self, options):
        self._folder = Path(json.loads(options)["weights"])
        return self._said().get("test")

    def _said(self):
        path = self._folder / "said.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        pcm = pb_utils.get_input_tensor_by_name(request, "windows").as_numpy()
        if pcm.shape[1] == 1:
            return pb_utils.InferenceResponse(
                [pb_utils.Tensor("description", np.array([[b"{}"]] * len(pcm), dtype=np.object_))]
            )
        try:
            self._prepare(json.loads(request.parameters()).get("options"))
        except ValueError as error:
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error)))
        said = self._said()
        if said.get("fault") == "die":
            os.abort()
        if said.get("fault") == "refuse":
            return pb_utils.InferenceResponse(error=pb_utils.TritonError("out of luck"))
        wanted = request.requested_output_names()
        return pb_utils.InferenceResponse(
            [made for name, made in self._outputs(pcm, said).items() if name in wanted]
        )

    def _outputs(self, pcm, said):
        scaled = pcm.astype(np.float32) / 32_767
        embedding = np.zeros((len(pcm), len(self._layers), WIDTH), dtype=np.float32)
        loudness = np.sqrt((scaled**2).mean(axis=1))
        embedding[:, :, 0] = loudness[:, None] * np.array(self._layers, dtype=np.float32)
        embedding[:, :, 1] = scaled[:, :1]
        embedding[:, :, 2] = len(pcm)
        if said.get("fault") == "not a number":
            embedding[0, 0, 3] = np.nan
        described = json.dumps(self._description | said.get("instead", {})).encode()
        return {
            "embedding": pb_utils.Tensor("embedding", embedding),
            "seconds": pb_utils.Tensor("seconds", np.full((len(pcm), 1), 0.25, dtype=np.float32)),
            "description": pb_utils.Tensor(
                "description", np.array([[described]] * len(pcm), dtype=np.object_)
            ),
        }
