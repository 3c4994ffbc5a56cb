"""What Prometheus sees of the MERT model."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from features.embeddings.mert.windows import Description

# Waiting in Triton included.
BUCKETS_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30, 60)


class MertFigures:
    """The figures of the MERT model, as this service sees it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.windows = Counter(
            "reclass_features_mert_windows", "Windows of audio that the model has heard.", registry=registry
        )
        self.failures = Counter(
            "reclass_features_mert_failures", "Requests that the model did not answer.", registry=registry
        )
        self.seconds = Histogram(
            "reclass_features_mert_request_seconds",
            "How long the model took for a request of several windows, waiting in Triton included.",
            buckets=BUCKETS_SECONDS,
            registry=registry,
        )
        self._model = Gauge(
            "reclass_features_mert_model",
            "1 for the model that serves: its checkpoint, where it runs, in which precision.",
            ("checkpoint", "device", "dtype", "for_trials"),
            registry=registry,
        )

    def show(self, description: Description) -> None:
        """This model serves now."""
        self._model.clear()
        trial = "yes" if description.for_trials else "no"
        self._model.labels(description.checkpoint, description.device, description.dtype, trial).set(1)
