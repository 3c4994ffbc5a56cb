"""What people said of songs that were put to them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Ints
from inference.decision.evidence import Evidence


@dataclass(frozen=True, kw_only=True)
class Judgements:
    """What people said of some songs; all arrays have one row a judged song."""

    evidence: Evidence
    """Of the judged songs, and others perhaps."""
    rows: Ints
    """[judged] row of the evidence."""
    genres: Bools
    """[judged, genres] the genres that are right; none: none of ours."""
    acts: Ints
    """[judged] number of the act of judging: a whole album that was judged at once is one judgement."""

    @property
    def weights(self) -> NDArray[np.float64]:
        """[judged] 1 divided by the songs of its act."""
        _, act, sizes = np.unique(self.acts, return_inverse=True, return_counts=True)
        weights: NDArray[np.float64] = 1 / sizes[act]
        return weights

    @property
    def tell_of_contradictions(self) -> Bools:
        """[judged] the song is of a genre that the model knows, and its tag is not what it sounds like."""
        evidence = self.evidence.only(self.rows)
        agrees = evidence.tags[np.arange(len(self.rows)), evidence.sound.argmax(axis=1)]
        return np.asarray(self.genres.any(axis=1) & evidence.is_tagged & ~agrees)

    def sampled(self, most: int) -> "Judgements":
        """At most so many of them, evenly spread."""
        if len(self.rows) <= most:
            return self
        kept = np.linspace(0, len(self.rows) - 1, most).astype(np.intp)
        return replace(self, rows=self.rows[kept], genres=self.genres[kept], acts=self.acts[kept])
