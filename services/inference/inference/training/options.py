"""The options of a training."""

from collections.abc import Sequence
from dataclasses import dataclass

from inference.classify.voting_rule import Rule


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

    @property
    def rule(self) -> Rule:
        """The voting rule that is in force."""
        return Rule(thresholds=self.thresholds, max_stages=self.max_stages)
