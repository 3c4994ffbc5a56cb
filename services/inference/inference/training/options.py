"""The options of a training."""

from collections.abc import Sequence
from dataclasses import dataclass

from inference.classify.stages import VectorKind
from inference.classify.voting_rule import Rule

MOST_EMBEDDINGS = 6
"""Each adds a stage, which is fitted some ten times and takes a call of its head; more have never been worth it."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """What a caller may choose."""

    seed: int = 0
    folds: int = 5
    """Of the out-of-fold runs and of the held-out part."""
    min_songs_per_genre: int = 5
    thresholds: Sequence[float] = ()
    """As in `Rule`: those in force go into out-of-fold outcomes, figures and promotion."""
    max_stages: int | None = None
    embeddings: Sequence[VectorKind] = ()
    """In the order in which stages add them."""
    others_too: bool = True
    """Those that songs have and that are not among them come after; none is missed that songs have not."""

    @property
    def rule(self) -> Rule:
        """The voting rule that is in force."""
        return Rule(thresholds=self.thresholds, max_stages=self.max_stages)
