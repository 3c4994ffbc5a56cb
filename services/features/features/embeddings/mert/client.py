"""The MERT model in Triton: asked for embeddings as they are wished, and waited for where Triton has lost it.

This service decodes foreign files, so it may ask models and load none. The model reads its weights as a request wishes;
its process, where Triton lost it, is started again by the watchdog of inference.
"""

import math
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from runtime.telemetry import get_logger
from runtime.triton import ModelNotLoadedError, StubDeadError, Triton, TritonError, TritonUnavailableError
from runtime.watchdog import Probe

from features.audio.excerpts import Part
from features.embeddings.mert.config import MAX_BATCH, MODEL, Choice, Wish, parameters
from features.embeddings.mert.metrics import MertFigures
from features.embeddings.mert.windows import SAMPLE_RATE_HZ, Description, FloatArray, PcmArray, version
from features.embeddings.options import Compute, Device
from features.errors import CannotEmbed, ModelNotInstalled, ModelUnavailable

log = get_logger(__name__)
DEFAULT_BATCH = 32
# A failed load costs the start of a process in Triton, so songs that come meanwhile share its answer.
FAILURE_SECONDS = 20.0
LOAD_SECONDS = 180.0
ANSWER_SECONDS = 120.0
# What the model's loader, and Triton itself, say where there is nothing to load.
FRAME = "TritonModelException: "
NOTHING_THERE = ("docs/install.md, 'MERT'", "is not found")
# How long a song waits for a model that Triton lost: the watchdog of inference looks every ten seconds.
RESTORED_SECONDS = 20.0
LOOK_SECONDS = 0.5
# One sample: the model says that it is there.
SIGN_OF_LIFE = np.zeros((1, 1), dtype=np.int16)


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """What the model said of the windows of a song."""

    values: FloatArray
    """[shape=(windows, layers, width)]"""
    description: Description
    """Of the model that said it."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """The model as it was loaded last."""

    wish: Wish
    description: Description

    def suits(self, wish: Wish) -> bool:
        """Whether a request can be served without loading the model anew. AUTO takes what AUTO has found."""
        on_gpu = self.description.device != "cpu"
        if wish.device is Device.AUTO:
            same_device = self.wish.device is Device.AUTO
        else:
            same_device = on_gpu == (wish.device is Device.CUDA)
        same_share = wish.gpu_memory_share in (None, self.wish.gpu_memory_share) or not on_gpu
        return same_device and same_share


@dataclass(kw_only=True)
class _State:
    """What is known of the model; read and written under the lock."""

    served: Served | None = None
    failures: dict[Wish, tuple[float, CannotEmbed]] = field(default_factory=dict)
    """When and why it could not be loaded as it was wished."""
    loading: dict[Wish, "Future[Served]"] = field(default_factory=dict)
    answered_at: float = 0.0


class MertModel:
    """Safe to share between threads. Everything that it raises is a CannotEmbed."""

    def __init__(
        self,
        triton: Triton,
        choice: Choice,
        figures: MertFigures,
        failure_seconds: float = FAILURE_SECONDS,
    ) -> None:
        self._triton = triton
        self._failure_seconds = failure_seconds
        self._choice = choice
        self._figures = figures
        self._state = _State()
        self._lock = threading.Lock()
        self._waiting = threading.Lock()
        # One load at a time, and in a thread of its own: a caller who gives up ends no load that others wait for.
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="mert-loading")

    @property
    def window_samples(self) -> int:
        """The length of the windows that it takes."""
        return self._choice.window_seconds * SAMPLE_RATE_HZ

    @property
    def last_description(self) -> Description | None:
        """What it was when it was last served."""
        with self._lock:
            return self._state.served.description if self._state.served else None

    def begin(self) -> None:
        """Have it loaded, beside everything else; what comes of it is logged."""
        with self._lock:
            self._begin(Wish.of(Compute()))

    def close(self) -> None:
        """Begin nothing more."""
        self._loader.shutdown(wait=False, cancel_futures=True)

    def known_failure(self, compute: Compute) -> CannotEmbed | None:
        """Why it could not be loaded for such requests a moment ago; None where that is not known."""
        return self._fresh_failure(Wish.of(compute))

    def _fresh_failure(self, wish: Wish) -> CannotEmbed | None:
        with self._lock:
            failed_at, failure = self._state.failures.get(wish, (-math.inf, None))
        return failure if time.monotonic() - failed_at < self._failure_seconds else None

    def describe(self, compute: Compute, patience_seconds: float | None = None) -> Description:
        """What serves such requests; loads it where need be."""
        served = self._served(Wish.of(compute), patience_seconds)
        try:
            if self._triton.is_model_ready(MODEL):
                return served.description
        except TritonError as error:
            raise ModelUnavailable(_sentence(error)) from error
        with self._lock:
            self._state.served = None
        return self._served(Wish.of(compute), patience_seconds).description

    def embed(self, windows: PcmArray, compute: Compute, patience_seconds: float | None = None) -> Embedded:
        """What it says of windows [shape=(n, window_samples)], a few at a time."""
        ends_at = time.monotonic() + min(patience_seconds or ANSWER_SECONDS, ANSWER_SECONDS)
        served = self._served(Wish.of(compute), ends_at - time.monotonic())
        size = min(compute.batch_size or DEFAULT_BATCH, served.description.batch_limit, MAX_BATCH)
        parts = [
            self._ask(windows[first : first + size], served.wish, ends_at)
            for first in range(0, len(windows), size)
        ]
        description = parts[-1].description
        self._check(description, Wish.of(compute))
        if len({version(part.description, Part.WHOLE) for part in parts}) > 1:
            raise ModelUnavailable("the model was loaded anew while it heard the song; try again")
        return Embedded(values=np.concatenate([part.values for part in parts]), description=description)

    def probes(self) -> list[Probe]:
        """For a watchdog: nothing before the first load, nor while the model shows by its work that it lives."""
        with self._lock:
            served, idle_seconds = self._state.served, time.monotonic() - self._state.answered_at
        if served is None or idle_seconds < FAILURE_SECONDS:
            return []
        question = np.zeros((1, self.window_samples), dtype=np.int16)
        return [
            Probe(
                model=MODEL,
                inputs={"pcm": question},
                outputs=["description"],
                parameters=parameters(self._choice, served.wish),
            )
        ]

    def _served(self, wish: Wish, patience_seconds: float | None) -> Served:
        with self._lock:
            if self._state.served and self._state.served.suits(wish):
                return self._state.served
        failure = self._fresh_failure(wish)
        if failure:
            raise failure
        with self._lock:
            loading = self._begin(wish)
        try:
            return loading.result(timeout=patience_seconds)
        except TimeoutError as error:
            with self._lock:
                _, last_failure = self._state.failures.get(wish, (0.0, None))
            if isinstance(last_failure, ModelNotInstalled):
                raise last_failure from error  # what lacks lacks most likely still, and the sentence says what to do
            raise ModelUnavailable(
                "the MERT model is still being loaded; ask again in some seconds"
            ) from error

    def _begin(self, wish: Wish) -> "Future[Served]":
        """The load of this wish, begun unless it is under way; called with the lock held."""
        loading = self._state.loading.get(wish)
        if loading is None or loading.done():
            loading = self._state.loading[wish] = self._loader.submit(self._load, wish)
        return loading

    def _load(self, wish: Wish) -> Served:
        try:
            served = Served(wish=wish, description=self._description(wish))
            self._check(served.description, wish)
        except TritonError as error:
            raise self._noted(wish, _load_failure(error)) from error
        except ModelUnavailable as error:
            raise self._noted(wish, error) from error
        with self._lock:
            self._state.served = served
            self._state.failures.pop(wish, None)
        self._figures.show(served.description)
        log.info("MERT serves", what=served.description.in_words())
        return served

    def _noted(self, wish: Wish, failure: CannotEmbed) -> CannotEmbed:
        with self._lock:
            said_before = str(self._state.failures.get(wish, (0, ""))[1])
            self._state.failures[wish] = (time.monotonic(), failure)
        if str(failure) != said_before:
            log.warning("MERT does not serve", because=str(failure))
        return failure

    def _description(self, wish: Wish) -> Description:
        question = np.zeros((1, self.window_samples), dtype=np.int16)
        answer = self._triton.ask(
            MODEL,
            {"pcm": question},
            ["description"],
            timeout_seconds=LOAD_SECONDS,
            parameters=parameters(self._choice, wish),
        )
        return _parsed(answer["description"])

    def _ask(self, windows: PcmArray, wish: Wish, ends_at: float) -> Embedded:
        started = time.monotonic()
        try:
            answer = self._answer(windows, wish, ends_at)
        except TritonError as error:
            self._figures.failures.inc()
            raise self._failed(wish, error) from error
        description = _parsed(answer["description"])
        self._note_answer(description)
        self._figures.windows.inc(len(windows))
        self._figures.seconds.observe(time.monotonic() - started)
        return Embedded(values=answer["embedding"], description=description)

    def _answer(self, windows: PcmArray, wish: Wish, ends_at: float) -> Mapping[str, Any]:
        """What Triton says. Where it lost the model, the song waits for its return, and is asked once more."""
        try:
            return self._asked(windows, wish, ends_at)
        except (ModelNotLoadedError, StubDeadError) as error:
            log.warning("waiting for the model", model=MODEL, because=str(error))
            self._wait_for_return(min(ends_at, time.monotonic() + RESTORED_SECONDS), error)
            return self._asked(windows, wish, ends_at)

    def _asked(self, windows: PcmArray, wish: Wish, ends_at: float) -> Mapping[str, Any]:
        return self._triton.ask(
            MODEL,
            {"pcm": windows},
            ["embedding", "description"],
            timeout_seconds=max(0.001, ends_at - time.monotonic()),
            parameters=parameters(self._choice, wish),
        )

    def _wait_for_return(self, until: float, error: TritonError) -> None:
        """One song looks whether it is back, and those that come meanwhile wait with it; raises at the end."""
        with self._waiting:
            while True:
                try:
                    self._triton.ask(MODEL, {"pcm": SIGN_OF_LIFE}, ["description"])
                except (ModelNotLoadedError, StubDeadError):
                    if time.monotonic() > until:
                        raise error from None
                    time.sleep(LOOK_SECONDS)  # between two looks at the condition
                else:
                    return

    def _failed(self, wish: Wish, error: TritonError) -> CannotEmbed:
        """Of a request; what keeps the next songs from being heard too is noted, so that they need not wait for it."""
        failure = _load_failure(error)
        lost = isinstance(error, ModelNotLoadedError | StubDeadError)
        if not lost and not isinstance(failure, ModelNotInstalled):
            return failure
        with self._lock:
            self._state.served = None
        return self._noted(wish, failure)

    def _note_answer(self, description: Description) -> None:
        with self._lock:
            self._state.answered_at = time.monotonic()
            served = self._state.served
            if served is None or served.description == description:
                return
            self._state.served = replace(served, description=description)
        self._figures.show(description)
        log.warning(
            "MERT is another than before", what=description.in_words(), batch_limit=description.batch_limit
        )

    def _check(self, description: Description, wish: Wish) -> None:
        """Never another device in silence, nor windows of another length."""
        wanted = {Device.CUDA: "cuda", Device.CPU: "cpu"}.get(wish.device, "")
        if not description.device.startswith(wanted):
            raise ModelUnavailable(
                f"MERT was asked for on {wanted} and runs on {description.device}: "
                "set the device to auto, or put right what Triton's log says of it"
            )
        if description.window_samples != self.window_samples:
            raise ModelUnavailable(
                f"MERT in Triton takes windows of {description.window_samples} samples, not {self.window_samples}: "
                "another features service has other settings; give all of them the same"
            )


def _parsed(descriptions: Any) -> Description:
    try:
        return Description.parse(descriptions.reshape(-1)[0])
    except ValueError as error:
        raise ModelUnavailable(
            f"the MERT model in Triton is of another release than this service: {error}"
        ) from error


def _load_failure(error: TritonError) -> CannotEmbed:
    said = _own_words(error)
    if any(sign in said for sign in NOTHING_THERE):
        return ModelNotInstalled(f"MERT is not installed here: {said}")
    return ModelUnavailable(_sentence(error))


def _sentence(error: TritonError) -> str:
    if isinstance(error, TritonUnavailableError):
        return f"MERT cannot be asked now: {error}"
    return f"MERT does not run in Triton: {_own_words(error)}"


def _own_words(error: TritonError) -> str:
    """What the model said, where it said something, without the frame that Triton puts around it."""
    said = (error.said or str(error)).partition("\n")[0]
    return said.rpartition(FRAME)[2] if FRAME in said else said
