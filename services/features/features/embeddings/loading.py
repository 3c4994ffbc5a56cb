"""Which model is loaded, and why another could not be: one load at a time, and what came of it is remembered."""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from runtime.telemetry import get_logger

from features.embeddings.embedding import ModelDescription
from features.embeddings.options import Device, LoadOptions
from features.errors import EmbeddingError, ModelUnavailableError

log = get_logger(__name__)
Description = TypeVar("Description", bound=ModelDescription)


@dataclass(frozen=True, kw_only=True)
class LoadedModel(Generic[Description]):
    """A model as it was loaded last."""

    options: LoadOptions
    description: Description

    def suits(self, options: LoadOptions) -> bool:
        """Whether a request can be served without loading the model anew. AUTO takes what AUTO has found."""
        on_gpu = self.description.device != "cpu"
        if options.device is Device.AUTO:
            same_device = self.options.device is Device.AUTO
        else:
            same_device = on_gpu == (options.device is Device.CUDA)
        same_share = options.gpu_memory_share in (None, self.options.gpu_memory_share) or not on_gpu
        return same_device and same_share


class ModelLoader(Generic[Description]):
    """Loads by `read`, which raises EmbeddingError; safe to share between threads."""

    def __init__(
        self, name: str, read: Callable[[LoadOptions], Description], *, failure_seconds: float
    ) -> None:
        self._name = name
        self._read = read
        self._failure_seconds = failure_seconds
        self._lock = threading.Lock()
        self._model: LoadedModel[Description] | None = None
        self._failures: dict[LoadOptions, tuple[float, EmbeddingError]] = {}
        self._loading: dict[LoadOptions, Future[LoadedModel[Description]]] = {}
        # In a thread of its own: a caller who gives up ends no load that others wait for.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{name}-loading")

    @property
    def model(self) -> LoadedModel[Description] | None:
        """The one that serves now."""
        with self._lock:
            return self._model

    def begin(self, options: LoadOptions) -> "Future[LoadedModel[Description]]":
        """The load with these options, begun unless it is under way."""
        with self._lock:
            loading = self._loading.get(options)
            if loading is None or loading.done():
                loading = self._loading[options] = self._thread.submit(self._load, options)
            return loading

    def fresh_failure(self, options: LoadOptions) -> EmbeddingError | None:
        """Why it could not be loaded so a moment ago: songs that come meanwhile share that answer."""
        with self._lock:
            failed_at, failure = self._failures.get(options, (-math.inf, None))
        return failure if time.monotonic() - failed_at < self._failure_seconds else None

    def model_for(self, options: LoadOptions, patience_seconds: float | None) -> LoadedModel[Description]:
        """The model that serves such requests, loaded where need be; raises EmbeddingError."""
        model = self.model
        if model is not None and model.suits(options):
            return model
        failure = self.fresh_failure(options)
        if failure:
            raise failure
        try:
            return self.begin(options).result(timeout=patience_seconds)
        except TimeoutError as error:
            with self._lock:
                _, last_failure = self._failures.get(options, (0.0, None))
            if last_failure is not None and last_failure.permanent:
                raise last_failure from error  # what lacks lacks most likely still, and the sentence says what to do
            raise ModelUnavailableError(
                f"the {self._name} model is still being loaded; ask again in some seconds"
            ) from error

    def forget(self) -> None:
        """It is lost: the next request has it loaded anew."""
        with self._lock:
            self._model = None

    def describes_itself(self, description: Description) -> bool:
        """Take in what the model says of itself now; whether that is another thing than before."""
        with self._lock:
            if self._model is None or self._model.description == description:
                return False
            self._model = replace(self._model, description=description)
            return True

    def note_failure(self, options: LoadOptions, failure: EmbeddingError) -> EmbeddingError:
        """Remember why it cannot be loaded so."""
        with self._lock:
            message_before = str(self._failures.get(options, (0, ""))[1])
            self._failures[options] = (time.monotonic(), failure)
        if str(failure) != message_before:
            log.warning("an embedding does not serve", embedding=self._name, because=str(failure))
        return failure

    def close(self) -> None:
        """Begin nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _load(self, options: LoadOptions) -> LoadedModel[Description]:
        try:
            model = LoadedModel(options=options, description=self._read(options))
        except EmbeddingError as error:
            self.note_failure(options, error)
            raise
        with self._lock:
            self._model = model
            self._failures.pop(options, None)
        log.info("an embedding serves", embedding=self._name, what=model.description.in_words())
        return model
