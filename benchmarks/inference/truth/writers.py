"""Who would write what: how many writes, how many are right, how many right tags they destroy."""

from dataclasses import astuple, dataclass

import numpy as np
from inference.arrays import Bools
from numpy.typing import NDArray

from benchmarks.inference.truth.worlds import Posterior, Songs

THRESHOLD = 0.7
"""From which confidence on a writer writes: the portal's usual one."""
FILLS, CORRECTIONS = "fills", "corrections"


@dataclass(frozen=True, kw_only=True)
class WriteCounts:
    """Of one writer, in one library or in many."""

    planned: float = 0.0
    stated: float = 0.0
    """The sum of confidences: how many would be right by the writer's own word."""
    right: float = 0.0
    destroyed: float = 0.0
    """Writes in place of a tag that was right."""

    def __add__(self, other: "WriteCounts") -> "WriteCounts":
        return WriteCounts(
            planned=self.planned + other.planned,
            stated=self.stated + other.stated,
            right=self.right + other.right,
            destroyed=self.destroyed + other.destroyed,
        )

    def times(self, factor: float) -> "WriteCounts":
        """Each count times the factor."""
        planned, stated, right, destroyed = (factor * value for value in astuple(self))
        return WriteCounts(planned=planned, stated=stated, right=right, destroyed=destroyed)

    @property
    def excess(self) -> float:
        """Stated minus true precision; nan where nothing is written."""
        return (self.stated - self.right) / self.planned if self.planned else float("nan")


@dataclass(frozen=True, kw_only=True)
class Writes:
    """The genre that a writer would give each song [songs], with its confidence, and whether it writes that."""

    genres: NDArray[np.intp]
    confidences: NDArray[np.float64]
    planned: Bools

    def counts(self, songs: Songs) -> dict[str, WriteCounts]:
        """Fills and corrections apart."""
        rows = np.arange(len(songs))
        is_right = songs.truth[rows, self.genres]
        destroys = songs.is_tagged & ~songs.tag_is_wrong
        counts = {}
        for kind, own in ((FILLS, ~songs.is_tagged), (CORRECTIONS, songs.is_tagged)):
            written = self.planned & own
            counts[kind] = WriteCounts(
                planned=float(written.sum()),
                stated=float(self.confidences[written].sum()),
                right=float((written & is_right).sum()),
                destroyed=float((written & destroys).sum()),
            )
        return counts


def writes_by(posterior: Posterior, songs: Songs, open_to_writes: Bools) -> Writes:
    """What somebody writes who holds this posterior: its best genre, where that is no tag of the song and is likely."""
    rows = np.arange(len(songs))
    genres = posterior.argmax(axis=1)
    confidences = posterior[rows, genres]
    planned = open_to_writes & ~songs.tags[rows, genres] & (confidences >= THRESHOLD)
    return Writes(genres=genres, confidences=confidences, planned=planned)
