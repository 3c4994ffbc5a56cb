"""The libraries of one shape, taken together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.inference.truth.album_shapes import ALBUM_SHAPES
from benchmarks.inference.truth.measures import OURS, RATED, SHAPES, Measured, WriteKey
from benchmarks.inference.truth.writers import CORRECTIONS, FILLS, WriteCounts

NOT_KNOWN = float("nan")
PLAIN = "plain "


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """Counts are summed over libraries, numbers averaged."""

    shape: str
    measured: Sequence[Measured]

    @staticmethod
    def of(measured: Sequence[Measured]) -> "Pooled":
        """Of libraries of one shape; there is at least one."""
        return Pooled(shape=measured[0].shape, measured=measured)

    @property
    def libraries(self) -> int:
        """How many there are."""
        return len(self.measured)

    @property
    def has_wrong_tags(self) -> bool:
        """Whether some were planted."""
        return SHAPES[self.shape].noise.rate > 0

    @property
    def is_exact(self) -> bool:
        """Whether the true posterior is known, so that what is decided can be compared with it."""
        return self.shape not in ALBUM_SHAPES

    def values(self, name: str) -> np.ndarray:
        """[libraries that have it]"""
        return np.array([each.numbers[name] for each in self.measured if name in each.numbers])

    def mean(self, name: str) -> float:
        """Over the libraries that have it; not a number where none has."""
        values = self.values(name)
        return float(values.mean()) if len(values) else NOT_KNOWN

    def writes(self, reading: str, writer: str, *kinds: str) -> WriteCounts:
        """Of all libraries."""
        counts = [
            each.writes[WriteKey(reading=reading, writer=writer, kind=kind)]
            for each in self.measured
            for kind in kinds or (FILLS, CORRECTIONS)
        ]
        return sum(counts, WriteCounts())

    def stated_excess(self, reading: str, writer: str = OURS) -> float:
        """By how much the confidences of what is written are higher than its true precision; fills and corrections."""
        return self.writes(reading, writer).excess

    def expected_excess(self, reading: str) -> float:
        """The same of what a dry run states: the expected number of right writes."""
        planned = self.writes(reading, OURS).planned
        gap = self.values(f"right stated, {reading}").sum() - self.values(f"right true, {reading}").sum()
        return float(gap) / planned if planned else NOT_KNOWN

    @property
    def best_plain(self) -> tuple[float, str]:
        """Accuracy and name of the best of scikit-learn's models, over all libraries."""
        names = {name for each in self.measured for name in each.numbers if name.startswith(PLAIN)}
        best = max(names, key=self.mean, default="")
        return self.mean(best), best.removeprefix(PLAIN)

    @property
    def suspected_rightly(self) -> float:
        """Share of the suspected label errors that are some."""
        suspected = self.values("suspected").sum()
        return float(self.values("suspected_rightly").sum() / suspected) if suspected else NOT_KNOWN

    @property
    def errors_fall(self) -> float:
        """By what share the errors of sound fall with album and artist; not a number where there are none of both."""
        if self.is_exact:
            return NOT_KNOWN
        return 1 - self.mean(f"errors artist, {RATED}") / self.mean(f"errors sound, {RATED}")

    @property
    def errors_rise(self) -> float:
        """Share of libraries in which they rise instead."""
        if self.is_exact:
            return NOT_KNOWN
        rise = self.values(f"errors artist, {RATED}") > self.values(f"errors sound, {RATED}")
        return float(rise.mean())
