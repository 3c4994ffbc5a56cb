"""MERT as Triton's Python backend runs it: windows of 16-bit PCM in, the mean over time of chosen layers out.

The weights are read at the first request that needs them, and again when a request asks for other options than those
in use: its parameter `options` is a JSON object of what parameters of the configuration may say. So a service that may
ask models and load none, since who loads a model runs a program, has MERT as it needs it. A request of one sample asks
for a sign of life, and reads nothing.
"""

import gc
import itertools
import json
import os
import sys
import time

# The folder may be read-only; and a file that is new in it would make Triton take the model for changed.
sys.dont_write_bytecode = True

import numpy as np  # noqa: E402
import triton_python_backend_utils as pb_utils  # noqa: E402
from mert_encoder.errors import MertError, OptionError  # noqa: E402
from mert_encoder.options import read_options  # noqa: E402

OPTIONS = "options"


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.parameters = {
            name: value["string_value"] for name, value in config.get("parameters", {}).items()
        }
        self.batch_limit = config["max_batch_size"]
        self.embedder = self.metrics = self.options = None
        try:
            if self.batch_limit < 1:
                raise OptionError(
                    "max_batch_size is missing: a configuration given at the load must be complete"
                )
            # What makes no sense is said at once; weights may come later.
            read_options(self.parameters | {"weights": "/"}, os.environ)
        except MertError as error:
            raise pb_utils.TritonModelException(str(error)) from error

    def finalize(self):
        if self.metrics:
            self.metrics.close()

    def execute(self, requests):
        """Answer each request of a batch; those that follow one another with the same options go through together."""
        answers = []
        for wanted, group in itertools.groupby(requests, key=options_of):
            answers += self.answers(wanted, list(group))
        return answers

    def answers(self, wanted, requests):
        inputs = [pb_utils.get_input_tensor_by_name(request, "pcm").as_numpy() for request in requests]
        try:
            if any(not is_sign_of_life(pcm) for pcm in inputs):
                self.prepare(wanted)
            fitting = [pcm for pcm in inputs if self.fits(pcm)]
            embedded = iter(self.embed(fitting))
        except MertError as error:
            return [pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error))) for _ in requests]
        return [
            self.response(request, next(embedded)) if self.fits(pcm) else self.otherwise(pcm)
            for request, pcm in zip(requests, inputs, strict=True)
        ]

    def prepare(self, wanted):
        """Have the weights read with these options. What serves goes on where that cannot be."""
        try:
            chosen = json.loads(wanted)
        except ValueError:
            raise OptionError(f"the parameter {OPTIONS} is no JSON: {wanted[:100]}") from None
        if not isinstance(chosen, dict) or not all(isinstance(value, str) for value in chosen.values()):
            raise OptionError(f"the parameter {OPTIONS} is a JSON object of texts")
        options = read_options(self.parameters | chosen, os.environ)
        if self.embedder is not None and options == self.options:
            return
        embedder = loader()(options, batch_limit=self.batch_limit, log=self.log)
        if self.metrics:
            self.metrics.show(embedder)
        else:
            self.metrics = Metrics(embedder)
        self.embedder, self.options = embedder, options
        gc.collect()
        self.log(self.embedder.description())

    def fits(self, pcm):
        return pcm.ndim == 2 and self.embedder is not None and pcm.shape[1] == self.embedder.window_samples

    def embed(self, batches):
        if not batches:
            return []
        began = time.perf_counter()
        embeddings = self.embedder.embed(np.concatenate(batches) if len(batches) > 1 else batches[0])
        self.metrics.count(len(embeddings), time.perf_counter() - began)
        return np.split(embeddings, np.cumsum([len(pcm) for pcm in batches])[:-1])

    def response(self, request, embeddings):
        if not np.isfinite(embeddings).all():
            message = (
                f"an embedding is not finite in {self.embedder.dtype}: load the model with dtype bf16 or fp32"
            )
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(message))
        outputs = [pb_utils.Tensor("embedding", np.ascontiguousarray(embeddings))]
        if "description" in request.requested_output_names():
            text = np.full((len(embeddings), 1), self.embedder.description().encode(), dtype=object)
            outputs.append(pb_utils.Tensor("description", text))
        return pb_utils.InferenceResponse(outputs)

    def otherwise(self, pcm):
        """To what is not embedded: a sign of life, or why not."""
        if is_sign_of_life(pcm):
            described = self.embedder.description() if self.embedder else "{}"
            text = np.full((len(pcm), 1), described.encode(), dtype=object)
            return pb_utils.InferenceResponse([pb_utils.Tensor("description", text)])
        message = f"pcm has shape {list(pcm.shape)}, and this model takes windows [-1, {self.embedder.window_samples}]"
        return pb_utils.InferenceResponse(
            error=pb_utils.TritonError(message, pb_utils.TritonError.INVALID_ARG)
        )

    def log(self, text):
        pb_utils.Logger.log_info(f"mert: {text}")


def loader():
    """Imported late: torch takes a second and 300 MB, for nothing where there are no weights."""
    try:
        from mert_encoder.embedder import load_embedder
    except ModuleNotFoundError as error:
        raise OptionError(
            f"{error.name} is not in Triton's environment: see docs/install.md, 'MERT'"
        ) from error
    return load_embedder


def options_of(request):
    return str(json.loads(request.parameters() or "{}").get(OPTIONS, "{}"))


def is_sign_of_life(pcm):
    return pcm.ndim == 2 and pcm.shape[1] == 1


class Metrics:
    """What Triton's metrics show of the model beside Triton's own."""

    def __init__(self, embedder):
        self.families = {}  # Triton wants a family kept for as long as its metrics
        self.limit = self.gauge("reclass_mert_batch_limit", "Windows in one batch, at most")
        self.halvings = self.counter("reclass_mert_batch_halvings_total", "Times that memory ran out")
        self.windows = self.counter("reclass_mert_windows_total", "Windows that were embedded")
        self.seconds = self.counter("reclass_mert_seconds_total", "Time that it took")
        self.loaded = {}
        self.show(embedder)

    def show(self, embedder):
        """From now on this one serves."""
        for gauge in self.loaded.values():
            gauge.set(0)
        labels = {
            "checkpoint": embedder.checkpoint.name,
            "device": str(embedder.device),
            "dtype": embedder.dtype,
        }
        help_text = (
            "When the weights were loaded on this device in this number format; 0 when they are no longer"
        )
        key = tuple(labels.values())
        if key not in self.loaded:
            self.loaded[key] = self.gauge("reclass_mert_loaded_timestamp_seconds", help_text, labels)
        self.loaded_time = time.time()
        self.loaded[key].set(self.loaded_time)
        self.embedder = embedder
        self.counted_halvings = 0
        self.limit.set(embedder.batch_limit)

    def count(self, windows, seconds):
        self.windows.increment(windows)
        self.seconds.increment(seconds)
        self.halvings.increment(self.embedder.halvings - self.counted_halvings)
        self.counted_halvings = self.embedder.halvings
        self.limit.set(self.embedder.batch_limit)

    def close(self):
        """Say that this one is gone, unless one of the same kind has come already.

        They share their metrics. Deleting them here would delete those of the newcomer, and its next call would hang.
        """
        for gauge in self.loaded.values():
            if gauge.value() == self.loaded_time:
                gauge.set(0)

    def gauge(self, name, description, labels=None):
        return self.metric(name, description, pb_utils.MetricFamily.GAUGE, labels)

    def counter(self, name, description):
        return self.metric(name, description, pb_utils.MetricFamily.COUNTER)

    def metric(self, name, description, kind, labels=None):
        if name not in self.families:
            self.families[name] = pb_utils.MetricFamily(name=name, description=description, kind=kind)
        return self.families[name].Metric(labels=labels or {})
