"""MERT as Triton's Python backend runs it: windows of 16-bit PCM in, the mean over time of chosen layers out."""

import json
import os
import sys
import time

# The folder may be read-only; and a file that is new in it would make Triton take the model for changed.
sys.dont_write_bytecode = True

import numpy as np  # noqa: E402
import triton_python_backend_utils as pb_utils  # noqa: E402
from mert_encoder.errors import MertError, NoRoomError, OptionError  # noqa: E402
from mert_encoder.listening import load_listener  # noqa: E402
from mert_encoder.options import read_options  # noqa: E402


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config.get("parameters", {}).items()}
        try:
            if config["max_batch_size"] < 1:
                raise OptionError(
                    "max_batch_size is missing: a configuration given at the load must be complete"
                )
            options = read_options(parameters, os.environ)
            self.listener = load_listener(options, batch_limit=config["max_batch_size"], say=self.say)
        except MertError as error:
            raise pb_utils.TritonModelException(str(error)) from error
        self.figures = Figures(self.listener)
        self.say(self.listener.description())

    def finalize(self):
        self.figures.close()

    def execute(self, requests):
        """Answer each request of a batch; the windows of all that fit go through the encoder together."""
        inputs = [pb_utils.get_input_tensor_by_name(request, "pcm").as_numpy() for request in requests]
        fitting = [pcm for pcm in inputs if self.fits(pcm)]
        try:
            heard = iter(self.hear(fitting))
        except NoRoomError as error:
            return [pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error))) for _ in requests]
        return [
            self.response(request, next(heard)) if self.fits(pcm) else self.refusal(pcm)
            for request, pcm in zip(requests, inputs, strict=True)
        ]

    def fits(self, pcm):
        return pcm.ndim == 2 and pcm.shape[1] == self.listener.window_samples

    def hear(self, batches):
        if not batches:
            return []
        began = time.perf_counter()
        embeddings = self.listener.hear(np.concatenate(batches) if len(batches) > 1 else batches[0])
        self.figures.count(len(embeddings), time.perf_counter() - began)
        return np.split(embeddings, np.cumsum([len(pcm) for pcm in batches])[:-1])

    def response(self, request, embeddings):
        if not np.isfinite(embeddings).all():
            message = f"what was heard is not finite in {self.listener.dtype}: load the model with dtype bf16 or fp32"
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(message))
        outputs = [pb_utils.Tensor("embedding", np.ascontiguousarray(embeddings))]
        if "description" in request.requested_output_names():
            text = np.full((len(embeddings), 1), self.listener.description().encode(), dtype=object)
            outputs.append(pb_utils.Tensor("description", text))
        return pb_utils.InferenceResponse(outputs)

    def refusal(self, pcm):
        message = f"pcm has shape {list(pcm.shape)}, and this model hears windows [-1, {self.listener.window_samples}]"
        return pb_utils.InferenceResponse(
            error=pb_utils.TritonError(message, pb_utils.TritonError.INVALID_ARG)
        )

    def say(self, text):
        pb_utils.Logger.log_info(f"mert: {text}")


class Figures:
    """What Triton's metrics show of the model beside Triton's own."""

    def __init__(self, listener):
        self.listener = listener
        self.families = []  # Triton wants a family kept for as long as its metrics
        labels = {
            "checkpoint": listener.checkpoint.name,
            "device": str(listener.device),
            "dtype": listener.dtype,
        }
        self.loaded_time = time.time()
        help_text = (
            "When the weights were loaded on this device in this number format; 0 when they are no longer"
        )
        self.loaded = self.gauge("reclass_mert_loaded_timestamp_seconds", help_text, labels)
        self.loaded.set(self.loaded_time)
        self.limit = self.gauge("reclass_mert_batch_limit", "Windows that are heard at once, at most")
        self.limit.set(listener.batch_limit)
        self.counted_halvings = 0
        self.halvings = self.counter("reclass_mert_batch_halvings_total", "Times that memory ran out")
        self.windows = self.counter("reclass_mert_windows_total", "Windows that were heard")
        self.seconds = self.counter("reclass_mert_seconds_total", "Time that hearing them took")

    def count(self, windows, seconds):
        self.windows.increment(windows)
        self.seconds.increment(seconds)
        self.halvings.increment(self.listener.halvings - self.counted_halvings)
        self.counted_halvings = self.listener.halvings
        self.limit.set(self.listener.batch_limit)

    def close(self):
        """Say that this one is gone, unless one of the same kind has come already.

        They share their metrics. Deleting them here would delete those of the newcomer, and its next call would hang.
        """
        if self.loaded.value() == self.loaded_time:
            self.loaded.set(0)

    def gauge(self, name, description, labels=None):
        return self.metric(name, description, pb_utils.MetricFamily.GAUGE, labels)

    def counter(self, name, description):
        return self.metric(name, description, pb_utils.MetricFamily.COUNTER)

    def metric(self, name, description, kind, labels=None):
        self.families.append(pb_utils.MetricFamily(name=name, description=description, kind=kind))
        return self.families[-1].Metric(labels=labels or {})
