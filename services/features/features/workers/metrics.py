"""What Prometheus sees of the pool: songs by outcome, how long they took, and how the processes fare."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

BUCKETS_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30, 60)


class PoolMetrics:
    """The metrics of one pool. `busy`, `waiting` and `starts` are asked for at each scrape."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        processes: int,
        busy: Callable[[], int],
        waiting: Callable[[], int],
        starts: Callable[[], int],
    ) -> None:
        self.songs = Counter(
            "reclass_features_songs",
            'Songs that are through, by outcome: "extracted", "cancelled", or the reason why not.',
            ("outcome",),
            registry=registry,
        )
        self.seconds = Histogram(
            "reclass_features_song_seconds",
            "How long a process was at work on a song whose features were extracted.",
            buckets=BUCKETS_SECONDS,
            registry=registry,
        )
        for name, text, value in (
            ("processes", "Processes that the pool keeps.", lambda: processes),
            ("processes_busy", "Processes at work.", busy),
            ("songs_waiting", "Songs that wait for a process.", waiting),
        ):
            Gauge(f"reclass_features_{name}", text, registry=registry).set_function(value)
        registry.register(_Starts(starts))


class _Starts(Collector):
    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(
            "reclass_features_process_starts",
            "Processes started; those beyond the size of the pool replaced one that died, hung, grew or grew old.",
            value=self._count(),
        )
