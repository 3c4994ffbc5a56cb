"""What Prometheus sees of the models of embeddings."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from features.embeddings.embedding import ModelDescription

BUCKETS_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30, 60)


class EmbeddingMetrics:
    """The metrics of one embedding, named by it."""

    def __init__(self, name: str, registry: CollectorRegistry) -> None:
        prefix = f"reclass_features_{name.lower()}"
        self.windows = Counter(f"{prefix}_windows", "Windows of audio that were embedded.", registry=registry)
        self.failures = Counter(
            f"{prefix}_failures", "Requests that the model did not answer.", registry=registry
        )
        self.seconds = Histogram(
            f"{prefix}_request_seconds",
            "How long the model took for a request of several windows, waiting in a model server included.",
            buckets=BUCKETS_SECONDS,
            registry=registry,
        )
        self._model = Gauge(
            f"{prefix}_model",
            "1 for the model that serves: its checkpoint, where it runs, in which precision.",
            ("checkpoint", "device", "dtype", "for_trials"),
            registry=registry,
        )

    def show(self, description: ModelDescription) -> None:
        """This model serves now."""
        self._model.clear()
        trial = "yes" if description.for_trials else "no"
        self._model.labels(description.checkpoint, description.device, description.dtype, trial).set(1)
