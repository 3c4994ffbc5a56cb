"""A prediction's stages as they are stored: written as short lists, read into values."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from portal.remote.inference import StageVerdict as Said

# A hundredth of a percent: a calibrated probability means less than that, and its other digits are half of a row.
DIGITS = 4
LATER = ("MERT", "JMLA")
"""What each stage after the first hears beside FMA and what those before it hear."""


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
    whole_song: bool = False
    """It has learned from whole songs, as those of a public table are, and heard this one so."""

    @property
    def is_guess(self) -> bool:
        """It is sure, of a song unlike those of its training: that is no decision."""
        return not self.decided and bool(self.top) and self.top[0].probability >= self.threshold

    @property
    def hears(self) -> str:
        """What the stage listens to."""
        first = "FMA, whole song" if self.whole_song else "FMA"
        return " + ".join((first, *LATER[: self.stage - 1]))

    @property
    def threshold_percent(self) -> float:
        """The threshold out of a hundred."""
        return round(100 * self.threshold, 1)


def stored_stages(verdicts: Iterable[Said]) -> list[list[Any]]:
    """What stages said, as `Prediction.stages` keeps it."""
    return [
        [
            verdict.stage,
            verdict.model_version,
            verdict.decided,
            round(verdict.threshold, DIGITS),
            [part for genre, p in verdict.top for part in (genre, round(p, DIGITS))],
        ]
        for verdict in verdicts
    ]


def stage_verdicts(
    stored: Sequence[Sequence[Any]], whole_song_heads: Collection[str] = ()
) -> tuple[StageVerdict, ...]:
    """The stages of `Prediction.stages`, in order; those of `whole_song_heads` have heard the whole song."""
    return tuple(
        StageVerdict(
            stage=int(stage),
            model_version=str(model_version),
            decided=bool(decided),
            threshold=float(threshold),
            whole_song=model_version in whole_song_heads,
            top=tuple(
                Guess(genre=str(genre), probability=float(p))
                for genre, p in zip(top[::2], top[1::2], strict=True)
            ),
        )
        for stage, model_version, decided, threshold, top in sorted(stored, key=lambda entry: int(entry[0]))
    )
