"""An embedding whose model stands in Triton: asked as requests want it, and waited for where Triton has lost it.

This service decodes foreign files, so it may ask models and load none. A model reads its weights as a request says;
its process, where Triton lost it, is started again by the watchdog of inference.
"""

import json
import threading
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from runtime.telemetry import get_logger
from runtime.triton import ModelNotLoadedError, StubDeadError, Triton, TritonError, TritonUnavailableError
from runtime.watchdog import Probe

from features.audio.excerpts import Excerpt
from features.embeddings.embedding import (
    Embedding,
    ModelDescription,
    Surroundings,
    Windows,
    mean_over_windows,
)
from features.embeddings.loading import ModelLoader
from features.embeddings.metrics import EmbeddingMetrics
from features.embeddings.options import ComputeOptions, Device, LoadOptions
from features.errors import EmbeddingError, ModelDamagedError, ModelNotInstalledError, ModelUnavailableError
from features.vectors import FloatArray, Vector

log = get_logger(__name__)
DEFAULT_BATCH = 32
# A failed load costs the start of a process in Triton, so songs that come meanwhile share its answer.
FAILURE_SECONDS = 20.0
LOAD_SECONDS = 180.0
ANSWER_SECONDS = 120.0
# Triton's own, around what a model raised.
FRAME = "TritonModelException: "
# Before what a model says of weights that are there and are not right (services/triton/embedding_model.py).
DAMAGED = "the weights cannot be used: "
# How long a song waits for a model that Triton lost: the watchdog of inference looks every ten seconds.
RESTORED_SECONDS = 20.0
LOOK_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class TritonModelDescription(ModelDescription):
    """What a model in Triton says of itself."""

    window_samples: int
    batch_limit: int
    """Windows in one request, at most, as its memory is now."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the model says of some windows."""

    values: FloatArray
    """[shape=(windows, ..., length)]"""
    description: TritonModelDescription
    """Of the model that said it."""
    seconds: float
    """What it took to compute all of them, without waiting."""


class TritonEmbedding(Embedding):
    """Its model takes `windows`, and answers with `embedding`, a JSON `description` and the `seconds` of each."""

    model: ClassVar[str]
    """As the model repository names it."""
    max_batch: ClassVar[int]
    """Windows in a request, as the model's configuration allows."""
    dtype: ClassVar[npt.DTypeLike]
    """Of the windows."""

    def __init__(self, surroundings: Surroundings, failure_seconds: float = FAILURE_SECONDS) -> None:
        self._triton = surroundings.triton
        self._metrics = EmbeddingMetrics(self.card.name, surroundings.registry)
        self._loader = ModelLoader(self.card.name, self._read, failure_seconds=failure_seconds)
        self._waiting = threading.Lock()
        self._answered_at = 0.0

    @property
    @abstractmethod
    def window_samples(self) -> int:
        """The length of its windows."""

    @abstractmethod
    def model_options(self, options: LoadOptions) -> Mapping[str, str]:
        """How the model is to be: it reads its weights anew where it is not loaded so."""

    @property
    def recipe(self) -> Mapping[str, str]:
        """What of its preprocessing changes the values, by names that its version has; often nothing."""
        return {}

    @property
    def last_description(self) -> TritonModelDescription | None:
        model = self._loader.model
        return model.description if model else None

    def load(self) -> None:
        if self._triton is not None:
            self._loader.begin(LoadOptions())

    def close(self) -> None:
        self._loader.close()

    def known_failure(self, options: LoadOptions) -> EmbeddingError | None:
        if self._triton is None:
            return self._not_installed("FEATURES_TRITON_TARGET names no Triton that could run it")
        return self._loader.fresh_failure(self._own(options))

    def describe(self, options: LoadOptions, patience_seconds: float | None = None) -> TritonModelDescription:
        options = self._own(options)
        model = self._loader.model_for(options, patience_seconds)
        try:
            if self._server.is_model_ready(self.model):
                return model.description
        except TritonError as error:
            raise ModelUnavailableError(self._sentence(error)) from error
        self._loader.forget()
        return self._loader.model_for(options, patience_seconds).description

    def embed(
        self,
        windows: Windows,
        excerpt: Excerpt,
        options: ComputeOptions,
        patience_seconds: float | None = None,
    ) -> Vector:
        answer = self.answers(windows, options, patience_seconds)
        try:
            values = mean_over_windows(answer.values)
        except ValueError as error:
            raise ModelUnavailableError(f"{self.card.name}: {error}; see Triton's log") from error
        version = answer.description.version(excerpt)
        return Vector(kind=self.card.kind, version=version, values=values, seconds=answer.seconds)

    def answers(
        self, windows: Windows, options: ComputeOptions, patience_seconds: float | None = None
    ) -> Answer:
        """What the model says of windows [shape=(n, window_samples)], a few at a time."""
        ends_at = time.monotonic() + min(patience_seconds or ANSWER_SECONDS, ANSWER_SECONDS)
        load = self._own(options.load)
        model = self._loader.model_for(load, ends_at - time.monotonic())
        size = min(options.batch_size or DEFAULT_BATCH, model.description.batch_limit, self.max_batch)
        parts = [
            self._ask(windows[first : first + size], model.options, ends_at)
            for first in range(0, len(windows), size)
        ]
        description = parts[-1].description
        self._check(description, load)
        if len({part.description.version(Excerpt.WHOLE) for part in parts}) > 1:
            raise ModelUnavailableError("the model was loaded anew while it embedded the song; try again")
        return Answer(
            values=np.concatenate([part.values for part in parts]),
            description=description,
            seconds=sum(part.seconds for part in parts),
        )

    def probes(self) -> Sequence[Probe]:
        """Nothing before the first load, nor while the model shows by its work that it lives."""
        model = self._loader.model
        if model is None or time.monotonic() - self._answered_at < FAILURE_SECONDS:
            return ()
        return (
            Probe(
                model=self.model,
                inputs={"windows": self._blank_window()},
                outputs=["description"],
                parameters=self._parameters(model.options),
            ),
        )

    @property
    def _server(self) -> Triton:
        if self._triton is None:
            raise self._not_installed("FEATURES_TRITON_TARGET names no Triton that could run it")
        return self._triton

    def _blank_window(self) -> Windows:
        return np.zeros((1, self.window_samples), dtype=self.dtype)

    def _parameters(self, options: LoadOptions) -> Mapping[str, str]:
        return {"options": json.dumps(dict(self.model_options(options)))}

    def _own(self, options: LoadOptions) -> LoadOptions:
        """Where nothing but processors will do, what is said of GPUs means nothing."""
        return options if self.card.knows_gpus else LoadOptions()

    def _read(self, options: LoadOptions) -> TritonModelDescription:
        """Have the model read its weights; what it says of itself then."""
        try:
            answer = self._server.ask(
                self.model,
                {"windows": self._blank_window()},
                ["description"],
                timeout_seconds=LOAD_SECONDS,
                parameters=self._parameters(options),
            )
        except TritonError as error:
            raise self._load_failure(error) from error
        description = self._parsed(answer["description"])
        self._check(description, options)
        self._metrics.show(description)
        return description

    def _ask(self, windows: Windows, options: LoadOptions, ends_at: float) -> Answer:
        started = time.monotonic()
        try:
            answer = self._answer(windows, options, ends_at)
        except TritonError as error:
            self._metrics.failures.inc()
            raise self._failed(options, error) from error
        description = self._parsed(answer["description"])
        self._note_answer(description)
        self._metrics.windows.inc(len(windows))
        self._metrics.seconds.observe(time.monotonic() - started)
        return Answer(
            values=answer["embedding"], description=description, seconds=float(answer["seconds"].sum())
        )

    def _answer(self, windows: Windows, options: LoadOptions, ends_at: float) -> Mapping[str, Any]:
        """What Triton says. Where it lost the model, the song waits for its return, and is asked once more."""
        try:
            return self._asked(windows, options, ends_at)
        except (ModelNotLoadedError, StubDeadError) as error:
            log.warning("waiting for the model", model=self.model, because=str(error))
            self._wait_for_return(min(ends_at, time.monotonic() + RESTORED_SECONDS), error)
            return self._asked(windows, options, ends_at)

    def _asked(self, windows: Windows, options: LoadOptions, ends_at: float) -> Mapping[str, Any]:
        return self._server.ask(
            self.model,
            {"windows": windows},
            ["embedding", "description", "seconds"],
            timeout_seconds=max(0.001, ends_at - time.monotonic()),
            parameters=self._parameters(options),
        )

    def _wait_for_return(self, until: float, error: TritonError) -> None:
        """One song looks whether it is back, and those that come meanwhile wait with it; raises at the end."""
        sign_of_life = np.zeros((1, 1), dtype=self.dtype)
        with self._waiting:
            while True:
                try:
                    self._server.ask(self.model, {"windows": sign_of_life}, ["description"])
                except (ModelNotLoadedError, StubDeadError):
                    if time.monotonic() > until:
                        raise error from None
                    time.sleep(LOOK_SECONDS)  # between two looks at the condition
                else:
                    return

    def _failed(self, options: LoadOptions, error: TritonError) -> EmbeddingError:
        """Of a request; what the next songs would fail of too is noted, so that they need not wait for it.

        A model that refuses is asked anew what it is, by the next song or by who wants its capabilities: Triton may
        have been started again meanwhile, and find other weights.
        """
        failure = self._load_failure(error)
        if isinstance(error, TritonUnavailableError):
            return failure
        self._loader.forget()
        lost = isinstance(error, ModelNotLoadedError | StubDeadError)
        return self._loader.note_failure(options, failure) if lost or failure.permanent else failure

    def _note_answer(self, description: TritonModelDescription) -> None:
        self._answered_at = time.monotonic()
        if self._loader.describes_itself(description):
            self._metrics.show(description)
            log.warning(
                "an embedding is another than before",
                embedding=self.card.name,
                what=description.in_words(),
                batch_limit=description.batch_limit,
            )

    def _check(self, description: TritonModelDescription, options: LoadOptions) -> None:
        """Never another device in silence, nor windows of another length."""
        wanted = {Device.CUDA: "cuda", Device.CPU: "cpu"}.get(options.device, "")
        if not description.device.startswith(wanted):
            raise ModelUnavailableError(
                f"{self.card.name} was asked for on {wanted} and runs on {description.device}: "
                "set the device to auto, or put right what Triton's log says of it"
            )
        if description.window_samples != self.window_samples:
            raise ModelUnavailableError(
                f"{self.card.name} in Triton takes windows of {description.window_samples} values, not "
                f"{self.window_samples}: another features service has other settings; give all of them the same"
            )

    def _parsed(self, descriptions: Any) -> TritonModelDescription:
        try:
            return read_description(descriptions.reshape(-1)[0], self.recipe)
        except ValueError as error:
            raise ModelUnavailableError(
                f"the {self.card.name} model in Triton is of another release than this service: {error}"
            ) from error

    def _load_failure(self, error: TritonError) -> EmbeddingError:
        detail = _without_frame(error)
        # What the model's loader, and Triton itself, say where there is nothing to load.
        if any(sign in detail for sign in (f"docs/install.md, '{self.card.name}'", "is not found")):
            return self._not_installed(detail.removeprefix(DAMAGED))
        if detail.startswith(DAMAGED):
            return ModelDamagedError(
                f"the weights of {self.card.name} cannot be used: {detail.removeprefix(DAMAGED)}"
            )
        return ModelUnavailableError(self._sentence(error))

    def _not_installed(self, why: str) -> ModelNotInstalledError:
        return ModelNotInstalledError(f"{self.card.name} is not installed here: {why}")

    def _sentence(self, error: TritonError) -> str:
        if isinstance(error, TritonUnavailableError):
            return f"{self.card.name} cannot be asked now: {error}"
        return f"{self.card.name} does not run in Triton: {_without_frame(error)}"


def read_description(text: str | bytes, recipe: Mapping[str, str]) -> TritonModelDescription:
    """Read the JSON of the output `description`, and add to its recipe; raises ValueError where it lacks something."""
    found: Any = json.loads(text)
    try:
        return TritonModelDescription(
            checkpoint=str(found["checkpoint"]),
            digest=str(found["digest"]),
            recipe=tuple(f"{name}={value}" for name, value in {**found["recipe"], **recipe}.items()),
            length=int(found["width"]),
            device=str(found["device"]),
            device_name=str(found["device_name"]),
            dtype=str(found["dtype"]),
            for_trials=bool(found["for_trials"]),
            weights_bytes=int(found["weights_bytes"]),
            window_samples=int(found["window_samples"]),
            batch_limit=max(1, int(found["batch_limit"])),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"the model's description lacks {error}") from error


def _without_frame(error: TritonError) -> str:
    """What the model said, where it said something, without the frame that Triton puts around it."""
    detail = (error.detail or str(error)).partition("\n")[0]
    return detail.rpartition(FRAME)[2] if FRAME in detail else detail
