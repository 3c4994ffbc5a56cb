"""What one stage says of a song, as inference sends it and as the database keeps it."""

from dataclasses import dataclass

LATER = ("MERT", "JMLA")
"""What each stage after the first uses in addition to FMA and what those before it use."""


@dataclass(frozen=True, kw_only=True)
class GenreScore:
    """One of the likeliest genres of a song."""

    genre: str
    probability: float
    """Calibrated, 0 to 1."""

    @property
    def percent(self) -> float:
        """The probability out of a hundred, with one decimal."""
        return round(100 * self.probability, 1)


@dataclass(frozen=True, kw_only=True)
class StageVerdict:
    """What one stage says of a song."""

    stage: int
    model_version: str
    decided: bool
    """It reached its threshold."""
    threshold: float
    top: tuple[GenreScore, ...]
    """Best first."""
    random_weights: bool = False
    """Its vectors were made by random weights: it means nothing. Kept with the prediction as a whole, not by stage."""
    whole_song: bool = False
    """It has learned from whole songs, as those of a public table are, and this one's vectors are of the whole song."""

    @property
    def is_guess(self) -> bool:
        """It is confident, of a song unlike those of its training: that is no decision."""
        return not self.decided and bool(self.top) and self.top[0].probability >= self.threshold

    @property
    def features(self) -> str:
        """What the stage uses, in words."""
        first = "FMA, whole song" if self.whole_song else "FMA"
        return " + ".join((first, *LATER[: self.stage - 1]))

    @property
    def threshold_percent(self) -> float:
        """The threshold out of a hundred."""
        return round(100 * self.threshold, 1)
