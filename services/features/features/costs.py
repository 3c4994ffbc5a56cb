"""What songs have cost by kind of vector, as it was measured here since the service started."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MeanCost:
    """What a song has cost on the mean."""

    seconds: float = 0.0
    songs: int = 0


class MeasuredCosts:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: dict[int, tuple[float, int]] = {}

    def add(self, seconds: Mapping[int, float]) -> None:
        """One song has cost so much, by kind."""
        with self._lock:
            for kind, cost in seconds.items():
                total, songs = self._totals.get(kind, (0.0, 0))
                self._totals[kind] = total + cost, songs + 1

    def of(self, kind: int) -> MeanCost:
        """Of the songs so far."""
        with self._lock:
            total, songs = self._totals.get(kind, (0.0, 0))
        return MeanCost(seconds=total / songs, songs=songs) if songs else MeanCost()
