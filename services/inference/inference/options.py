"""What the caller of a training may choose."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """What a caller may choose."""

    seed: int = 0
    folds: int = 5
    """Of the out-of-fold runs and of the held-out part."""
    min_songs_per_genre: int = 5
