"""The voting rule, the only one: which stage decides on a song, and with what outcome.

It takes confidences, out-of-distribution flags, the thresholds in force and the stages that can be asked. Serving,
out-of-fold predictions, evaluation, the proposal of thresholds and the comparison that decides on promotion all use it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import overload

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Floats
from inference.classify.stages import default_thresholds


class Outcome(Enum):
    """How a vote ended."""

    CLASSIFIED = auto()
    NO_MODEL = auto()
    PROVISIONAL = auto()
    OUT_OF_DISTRIBUTION = auto()
    """The deciding stage was trained on no songs like this one."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a caller may choose about a vote."""

    thresholds: Sequence[float] = ()
    """Confidence from which a stage decides, by stage from the first; missing ones are `default_thresholds`."""
    max_stages: int | None = None
    """At most so many stages; None for all that are installed."""
    top_k: int = 5
    """Genres in each verdict."""

    def in_force(self, stages: int) -> tuple[float, ...]:
        """The threshold of each stage of a model of so many, be they asked or not."""
        return (*self.thresholds[:stages], *default_thresholds(stages)[len(self.thresholds) :])


@overload
def decides(confidence: float, threshold: float, is_ood: bool) -> bool: ...
@overload
def decides(confidence: Floats, threshold: float, is_ood: Bools) -> Bools: ...
def decides(confidence: float | Floats, threshold: float, is_ood: bool | Bools) -> bool | Bools:
    """Whether a stage decides, so that no later one is asked: it is sure, of a song like those of its training."""
    return (confidence >= threshold) & (is_ood ^ True)


def outcome_of(is_ood: bool) -> Outcome:
    """What a vote comes to by the word of its deciding stage, sure or not; an unfamiliar song is never classified."""
    return Outcome.OUT_OF_DISTRIBUTION if is_ood else Outcome.CLASSIFIED


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What the vote on songs [m] comes to."""

    stages: NDArray[np.intp]
    """[m] position of the deciding stage."""
    decided: Bools
    """[m] that stage decides; else its word is the last one, and a guess."""
    is_ood: Bools
    """[m] that stage was trained on no songs like this one."""

    @property
    def outcomes(self) -> list[Outcome]:
        """[m] how each vote ended."""
        return [outcome_of(is_ood) for is_ood in self.is_ood.tolist()]


def decide(
    confidences: Sequence[Floats],
    is_ood: Sequence[Bools],
    thresholds: Sequence[float],
    installed: Sequence[Bools] | None = None,
) -> Decisions:
    """The vote on songs [m]: the first stage that decides, else the last one that can be asked.

    Each argument has one entry a stage. confidences : [m] calibrated probability of the best genre. is_ood : [m] the
    song is out of the distribution of the stage's training. installed : [m] the stage can be asked, all of them where
    this is None; after a stage that cannot be asked no later one is. A song of which no stage can be asked gets the
    last stage, and is undecided.
    """
    flags = np.stack(is_ood)
    asked = np.ones_like(flags) if installed is None else np.logical_and.accumulate(np.stack(installed))
    stages = zip(confidences, thresholds, is_ood, strict=True)
    decided = np.stack([decides(*stage) for stage in stages]) & asked
    last = len(flags) - 1 - asked[::-1].argmax(axis=0)
    deciding = np.where(decided.any(axis=0), decided.argmax(axis=0), last)
    songs = np.arange(flags.shape[1])
    return Decisions(stages=deciding, decided=decided[deciding, songs], is_ood=flags[deciding, songs])
