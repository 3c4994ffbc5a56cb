"""Looks after the models in Triton while nobody calls: what died or was lost is loaded before a caller meets it."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

from runtime.errors import ServiceError
from runtime.telemetry import get_logger
from runtime.triton import Array, ModelNotLoadedError, StubDeadError, Triton

log = get_logger(__name__)
# A model that computes for long must not be taken for one that does not answer.
ANSWER_SECONDS = 20.0
LAST_LOOK_SECONDS = 5.0
REPOSITORY = "the model repository"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A request that shows whether a model answers: Triton's own word for it cannot be trusted."""

    model: str
    version: str = ""
    inputs: Mapping[str, Array]
    """Small, and valid for the model."""
    outputs: Sequence[str]
    parameters: Mapping[str, str] | None = None
    """What goes with the request."""
    patience_seconds: float = ANSWER_SECONDS
    """How long an answer may take."""
    load: Callable[[], None] | None = None
    """Has Triton load the model; None loads what the repository says."""


class WatchdogMetrics:
    """What Prometheus sees of the models."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.up = Gauge(
            "reclass_triton_model_up",
            "1 when the model answered when it was last asked.",
            ("model",),
            registry=registry,
        )
        self.seconds = Gauge(
            "reclass_triton_model_probe_seconds",
            "How long the last answer took.",
            ("model",),
            registry=registry,
        )
        self.restored = Counter(
            "reclass_triton_model_restored",
            "Times that a model was lost and loaded again without a caller's help.",
            ("model",),
            registry=registry,
        )


class Watchdog:
    """Asks every model that should serve, again and again. `probes` says which these are now.

    With `restores` false nothing is loaded: this service may not, and another one looks after the processes of models.
    """

    def __init__(
        self,
        triton: Triton,
        probes: Callable[[], Sequence[Probe]],
        *,
        every_seconds: float,
        metrics: WatchdogMetrics,
        restores: bool = True,
    ) -> None:
        self._triton = triton
        self._probes = probes
        self._every_seconds = every_seconds
        self._metrics = metrics
        self._restores = restores
        self._faults: dict[str, type[ServiceError | OSError] | None] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="triton-watchdog", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """End after the model that is being looked at; a load that hangs is left to end with its connection."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(LAST_LOOK_SECONDS)

    def look(self) -> None:
        """Ask each model once; load what does not answer because Triton lost it or its process died."""
        try:
            probes = self._probes()
        except (ServiceError, OSError) as error:
            self._note(REPOSITORY, error)
            return
        self._note(REPOSITORY, None)
        for probe in probes:
            if self._ending.is_set():
                return
            self._look_at(probe)

    def _look_at(self, probe: Probe) -> None:
        started = time.monotonic()
        fault: ServiceError | OSError | None = None
        try:
            if self._answers_or_is_restored(probe):
                self._metrics.restored.labels(probe.model).inc()
            else:
                self._metrics.seconds.labels(probe.model).set(time.monotonic() - started)
        except (ServiceError, OSError) as error:
            fault = error
        self._note(probe.model, fault)
        self._metrics.up.labels(probe.model).set(0 if fault else 1)

    def _watch(self) -> None:
        while not self._ending.wait(self._every_seconds):
            self.look()

    def _answers_or_is_restored(self, probe: Probe) -> bool:
        """False when it answers, True when it does so again; raises when it cannot be brought to."""
        asked = time.monotonic()
        try:
            self._ask(probe)
        except (ModelNotLoadedError, StubDeadError) as error:
            if not self._restores:
                raise
            if not any((p.model, p.version) == (probe.model, probe.version) for p in self._probes()):
                return False  # another version has taken over meanwhile, and this one is to be gone
            self._note(probe.model, error)
            self._triton.restore(probe.model, error, version=probe.version, asked=asked, load=probe.load)
            self._ask(probe)
            return True
        return False

    def _ask(self, probe: Probe) -> None:
        self._triton.ask(
            probe.model,
            probe.inputs,
            probe.outputs,
            version=probe.version,
            timeout_seconds=probe.patience_seconds,
            parameters=probe.parameters,
        )

    def _note(self, model: str, fault: ServiceError | OSError | None) -> None:
        """Keep how it stands with a model; a line in the log at a change, not at every look.

        The kind of a fault is what counts: gRPC has new words for one outage from one look to the next.
        """
        before, now = self._faults.get(model), type(fault) if fault else None
        self._faults[model] = now
        if fault and now is not before:
            log.warning("model does not answer", model=model, because=str(fault))
        elif before and not fault:
            log.info("model answers again", model=model)
