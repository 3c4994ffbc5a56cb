"""A prediction's stages as they are stored, read into values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HEARS = {1: "FMA", 2: "FMA + MERT", 3: "FMA + MERT + JMLA"}


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One genre of a stage's top five."""

    genre: str
    probability: float
    """0 to 1."""

    @property
    def percent(self) -> float:
        """The probability out of a hundred, with one decimal."""
        return round(100 * self.probability, 1)


@dataclass(frozen=True, kw_only=True)
class StageVerdict:
    """What one stage said."""

    stage: int
    model_version: str
    decided: bool
    """It reached its threshold."""
    threshold: float
    top: tuple[Guess, ...]
    """Best first."""

    @property
    def hears(self) -> str:
        """The vectors that the stage listens to."""
        return HEARS.get(self.stage, "")

    @property
    def threshold_percent(self) -> float:
        """The threshold out of a hundred."""
        return round(100 * self.threshold, 1)


def stage_verdicts(stored: Sequence[Mapping[str, Any]]) -> tuple[StageVerdict, ...]:
    """The stages of `Prediction.stages`, in order."""
    return tuple(
        StageVerdict(
            stage=int(entry["stage"]),
            model_version=str(entry.get("model_version", "")),
            decided=bool(entry.get("decided", False)),
            threshold=float(entry.get("threshold", 0)),
            top=tuple(Guess(genre=str(genre), probability=float(p)) for genre, p in entry.get("top", ())),
        )
        for entry in sorted(stored, key=lambda entry: int(entry["stage"]))
    )
