"""Models that die or get lost while nobody calls are back before the next caller comes; with the real Triton."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
from inference.registry.store import ModelStore
from inference.serving.heads import Heads
from inference.settings import InferenceSettings
from inference_system import System, fma, training
from prometheus_client import CollectorRegistry
from runtime.triton import StubDeadError, Triton, TritonError
from runtime.watchdog import Watchdog, WatchdogMetrics
from structlog.testing import capture_logs
from synthetic_library import SyntheticLibrary
from waiting import until

pytestmark = pytest.mark.outages
RECOVERY_SECONDS = 120.0
"""A second where nothing else runs: a model's process starts, and a connection is made again. Under load it is many."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A watchdog at work, and a way to ask Triton that heals nothing."""

    watchdog: Watchdog
    registry: CollectorRegistry
    answers: Callable[[], bool]
    """Whether the model in service answers, with nobody's help."""

    def figure(self, name: str) -> float:
        return self.registry.get_sample_value(f"reclass_triton_model_{name}", {"model": "genre_fma"}) or 0.0


@contextmanager
def watched(system: System, *, every_seconds: float) -> Iterator[Watched]:
    triton, registry = Triton(system.triton.target), CollectorRegistry()
    templates = InferenceSettings().model_templates
    heads = Heads(ModelStore(repository=system.triton.repository, templates=templates), triton)
    watchdog = Watchdog(triton, heads.probes, every_seconds=every_seconds, metrics=WatchdogMetrics(registry))

    def answers() -> bool:
        (probe,) = heads.probes()
        try:
            logits = triton.ask(probe.model, probe.inputs, probe.outputs, version=probe.version)["logits"]
        except TritonError:
            return False
        return bool(np.isfinite(logits).all())

    others = threading.enumerate()
    watchdog.start()
    (ours,) = (
        thread
        for thread in threading.enumerate()
        if thread.name == "triton-watchdog" and thread not in others
    )
    # One that went on after a test that failed would heal what the next tests break.
    try:
        yield Watched(watchdog=watchdog, registry=registry, answers=answers)
    finally:
        watchdog.close()
        triton.close()  # ends a call that outlasts what `close` waits for
        until(lambda: not ours.is_alive())


def comes(condition: Callable[[], bool]) -> None:
    until(condition, RECOVERY_SECONDS)


def test_a_model_whose_process_was_killed_answers_again_without_any_caller(trained: System) -> None:
    with watched(trained, every_seconds=0.2) as seen:
        comes(lambda: seen.figure("up") == 1)
        trained.triton.kill_stubs()
        comes(lambda: seen.figure("restored_total") == 1)
        assert seen.answers()
        comes(lambda: seen.figure("up") == 1)


def test_without_the_watchdog_such_a_model_stays_dead(trained: System, library: SyntheticLibrary) -> None:
    """Triton calls it ready all the while: without this the test above would prove nothing."""
    with watched(trained, every_seconds=3600) as seen:
        trained.triton.kill_stubs()
        (model, version) = trained.version().split("/")
        triton = Triton(trained.triton.target)
        vectors = np.asarray([library.vectors[0]], dtype=np.float32)
        for _ in range(2):
            with pytest.raises(StubDeadError):
                triton.ask(model, {"vectors": vectors}, ["logits"], version=version)
        assert triton.is_model_ready(model, version)
        triton.close()
        seen.watchdog.look()
        assert seen.answers()


def test_a_triton_that_was_started_anew_serves_what_it_served_without_any_caller(trained: System) -> None:
    with watched(trained, every_seconds=0.2) as seen:
        comes(lambda: seen.figure("up") == 1)
        trained.triton.kill()
        comes(lambda: seen.figure("up") == 0)
        trained.triton.start()
        comes(seen.answers)


def test_an_outage_is_logged_once_and_its_end_once(trained: System) -> None:
    def is_up() -> bool:
        seen.watchdog.look()
        return seen.figure("up") == 1

    with watched(trained, every_seconds=3600) as seen:
        seen.watchdog.look()
        trained.triton.kill()
        with capture_logs() as said:
            for _ in range(3):
                seen.watchdog.look()
            trained.triton.start()
            comes(is_up)  # not at the first look, when the connection has not been tried again since
            seen.watchdog.look()
    events = [entry["event"] for entry in said]
    assert events.count("model does not answer") == 2, said  # gone; there and empty
    assert events.count("model answers again") == 1


def test_the_watchdog_disturbs_no_change_of_version(trained: System, library: SyntheticLibrary) -> None:
    with watched(trained, every_seconds=0.01) as seen:
        trained.train(training(library))
        comes(seen.answers)
        assert trained.classify(fma(library, 0)).model_version == trained.version()
        assert seen.figure("restored_total") == 0
        _, version = trained.version().split("/")
        triton = Triton(trained.triton.target)
        # Triton drops the old one when it has answered the last request to it.
        comes(lambda: served(triton) == [version])
        triton.close()
        comes(lambda: seen.figure("up") == 1)


def served(triton: Triton) -> list[str]:
    """The versions of the head; those of embeddings are loaded with the server, and no training changes them."""
    models = [model for model in triton.index() if model["name"].startswith("genre_")]
    return [model["version"] for model in models if model.get("state") == "READY"]
