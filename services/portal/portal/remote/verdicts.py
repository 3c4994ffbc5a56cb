"""What one stage says of a song, as inference sends it and as the database keeps it."""

from dataclasses import dataclass

_HEAD = "genre_"


def kinds_of_head(version: str) -> tuple[str, ...]:
    """The kinds that a head such as "genre_fma_mert/7" is asked with; none where it is no head of a stage."""
    name = version.partition("/")[0]
    return tuple(name.removeprefix(_HEAD).split("_")) if name.startswith(_HEAD) else ()


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
    features: str = ""
    """What the stage uses, in words."""

    @property
    def is_guess(self) -> bool:
        """It is confident, of a song unlike those of its training: that is no decision."""
        return not self.decided and bool(self.top) and self.top[0].probability >= self.threshold

    @property
    def threshold_percent(self) -> float:
        """The threshold out of a hundred."""
        return round(100 * self.threshold, 1)
