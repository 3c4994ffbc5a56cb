"""What the models of embeddings have in common, as Triton's Python backend runs them; `launch.py` lays it there.

Windows in, an embedding of each out, with a description of what made it. The weights are read at the first request that
needs them, and again when a request asks for other options than those in use: its parameter `options` is a JSON object
of texts. So a service that may ask models and load none, since who loads a model runs a program, has each as it needs
it. A request whose rows have one value asks for a sign of life, and computes nothing.
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

OPTIONS = "options"
LONGEST_ERROR = 300
LONGEST_OPTIONS = 10_000
# Before what is said of weights that are there and cannot be used; the service that asks knows them by it.
DAMAGED = "the weights cannot be used: "


class EmbeddingModel:
    """A model.py has a class TritonPythonModel of it, with these four.

    What `load` gives has `window_samples`, `batch_limit` and `halvings` (of that limit, since memory ran out), `labels`
    (checkpoint, device and dtype, for metrics), `described()` (the description as a dictionary) and `embed(windows)`:
    [n, window_samples] to [n, ..., length] in float32.
    """

    name = ""
    errors = (ValueError,)
    """What says in a sentence why something cannot be had."""
    damaged = ()
    """Those of them by which weights are refused that are there."""

    def read_options(self, parameters, environment):
        """The options in one value, which two equal sets of options share."""
        raise NotImplementedError

    def load(self, options):
        """Read the weights."""
        raise NotImplementedError

    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.parameters = {
            name: value["string_value"] for name, value in config.get("parameters", {}).items()
        }
        self.batch_limit = config["max_batch_size"]
        self.embedder = self.metrics = self.options = None
        try:
            if self.batch_limit < 1:
                raise self.errors[0](
                    "max_batch_size is missing: a configuration given at the load must be complete"
                )
            # What makes no sense is said at once; weights may come later.
            self.read_options(self.parameters | {"weights": "/"}, os.environ)
        except self.errors as error:
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
        inputs = [pb_utils.get_input_tensor_by_name(request, "windows").as_numpy() for request in requests]
        try:
            if any(not is_sign_of_life(windows) for windows in inputs):
                self.prepare(wanted)
            embedded = iter(self.embedded([windows for windows in inputs if self.fits(windows)]))
        except self.errors as error:
            return refused(f"{DAMAGED if isinstance(error, self.damaged) else ''}{error}", requests)
        except OSError as error:  # a path that no file system takes
            return refused(f"the weights cannot be read: {error}"[:LONGEST_ERROR], requests)
        return [
            self.response(*next(embedded)) if self.fits(windows) else self.otherwise(windows)
            for windows in inputs
        ]

    def prepare(self, wanted):
        """Have the weights read with these options. What serves goes on where that cannot be."""
        options = self.read_options(self.parameters | self.chosen(wanted), os.environ)
        if self.embedder is not None and options == self.options:
            return
        embedder = self.load(options)
        if self.metrics:
            self.metrics.show(embedder)
        else:
            self.metrics = Metrics(self.name, embedder)
        self.embedder, self.options = embedder, options
        gc.collect()
        self.log(self.description())

    def chosen(self, wanted):
        """The options that a request names. Whatever a caller may send is refused here, with a sentence."""
        try:
            chosen = json.loads(wanted) if len(wanted) <= LONGEST_OPTIONS else None
        except (ValueError, RecursionError):
            raise self.errors[0](f"the parameter {OPTIONS} is no JSON: {wanted[:100]!a}") from None
        if not isinstance(chosen, dict) or not all(map(is_text, (*chosen, *chosen.values()))):
            raise self.errors[0](
                f"the parameter {OPTIONS} is a JSON object of texts, of at most {LONGEST_OPTIONS} characters, and is "
                f"{wanted[:100]!a}"
            )
        return chosen

    def fits(self, windows):
        return (
            windows.ndim == 2
            and self.embedder is not None
            and windows.shape[1] == self.embedder.window_samples
        )

    def embedded(self, batches):
        """Of each batch the embeddings, and the seconds that one of its windows took."""
        if not batches:
            return []
        began = time.perf_counter()
        embeddings = self.embedder.embed(np.concatenate(batches) if len(batches) > 1 else batches[0])
        seconds = time.perf_counter() - began
        self.metrics.count(len(embeddings), seconds)
        parts = np.split(embeddings, np.cumsum([len(windows) for windows in batches])[:-1])
        return [(part, seconds / len(embeddings)) for part in parts]

    def response(self, embeddings, seconds):
        if not np.isfinite(embeddings).all():
            dtype = self.embedder.labels["dtype"]
            message = f"an embedding is not finite in {dtype}: the weights are broken, or need another dtype"
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(message))
        rows = len(embeddings)
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor("embedding", np.ascontiguousarray(embeddings, np.float32)),
                pb_utils.Tensor("seconds", np.full((rows, 1), seconds, np.float32)),
                text_tensor("description", self.description(), rows),
            ]
        )

    def otherwise(self, windows):
        """To what is not embedded: a sign of life, or why not."""
        if is_sign_of_life(windows):
            return pb_utils.InferenceResponse([text_tensor("description", self.description(), len(windows))])
        length = self.embedder.window_samples
        message = f"windows have shape {list(windows.shape)}, and this model takes windows [-1, {length}]"
        return pb_utils.InferenceResponse(
            error=pb_utils.TritonError(message, pb_utils.TritonError.INVALID_ARG)
        )

    def description(self):
        """What makes up a vector, and where it is computed, as JSON; an empty object before the weights are read."""
        return json.dumps(self.embedder.described() if self.embedder else {})

    def log(self, text):
        pb_utils.Logger.log_info(f"{self.name}: {text}")


def refused(message, requests):
    return [pb_utils.InferenceResponse(error=pb_utils.TritonError(message)) for _ in requests]


def options_of(request):
    """The text of a request's options; one whose parameters make no sense has these themselves, to be refused."""
    parameters = request.parameters() or "{}"
    try:
        return str(json.loads(parameters, strict=False).get(OPTIONS, "{}"))
    except ValueError:
        return parameters


def is_text(value):
    """Whether it could be the name of a file: no NUL, and no half of a character."""
    return isinstance(value, str) and "\0" not in value and value.encode(errors="ignore").decode() == value


def is_sign_of_life(windows):
    return windows.ndim == 2 and windows.shape[1] == 1


def text_tensor(name, text, rows):
    return pb_utils.Tensor(name, np.full((rows, 1), text.encode(), dtype=object))


class Metrics:
    """What Triton's metrics show of a model beside Triton's own."""

    def __init__(self, model, embedder):
        self.prefix = f"reclass_{model}"
        self.families = {}  # Triton wants a family kept for as long as its metrics
        self.limit = self.gauge("batch_limit", "Windows in one batch, at most")
        self.halvings = self.counter("batch_halvings_total", "Times that memory ran out")
        self.windows = self.counter("windows_total", "Windows that were embedded")
        self.seconds = self.counter("seconds_total", "Time that it took")
        self.loaded = {}
        self.show(embedder)

    def show(self, embedder):
        """From now on this one serves."""
        for gauge in self.loaded.values():
            gauge.set(0)
        labels = embedder.labels
        help_text = (
            "When the weights were loaded on this device in this number format; 0 when they are no longer"
        )
        key = tuple(labels.values())
        if key not in self.loaded:
            self.loaded[key] = self.gauge("loaded_timestamp_seconds", help_text, labels)
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
        full = f"{self.prefix}_{name}"
        if full not in self.families:
            self.families[full] = pb_utils.MetricFamily(name=full, description=description, kind=kind)
        return self.families[full].Metric(labels=labels or {})
