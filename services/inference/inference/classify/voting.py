"""The rule of progressive voting, one for all: serving, out-of-fold outcomes, figures, promotion, thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]


def decides(confidence: float, threshold: float, *, strange: bool) -> bool:
    """Whether a stage decides: it is sure enough, of a song like those of its training."""
    return confidence >= threshold and not strange


@dataclass(frozen=True, kw_only=True)
class LastWords:
    """Which stage has the last word on songs [m]."""

    stages: NDArray[np.intp]
    """[m] position of the stage."""
    decided: Bools
    """[m] it decides; else its word is a guess."""
    strange: Bools
    """[m] unlike the songs of that stage's training."""


def last_words(
    confidences: Sequence[NDArray[np.floating]],
    strange: Sequence[Bools],
    thresholds: Sequence[float],
    asked: Sequence[Bools] | None = None,
) -> LastWords:
    """The first stage that decides has the last word, else the last one that was asked; each argument by stage.

    confidences, strange, asked : [stages][m] what the best genre has, whether the song is out of the distribution of
    the training (by Mahalanobis distance), and whether the stage can be asked (None: always). A song that no stage can
    be asked of gets the last stage's place, and is undecided; after a stage that cannot be asked no other one is.
    """
    sure = np.stack([each >= threshold for each, threshold in zip(confidences, thresholds, strict=True)])
    odd = np.stack(strange)
    there = np.ones_like(odd) if asked is None else np.logical_and.accumulate(np.stack(asked))
    deciding = sure & ~odd & there
    last = len(odd) - 1 - there[::-1].argmax(axis=0)
    stages = np.where(deciding.any(axis=0), deciding.argmax(axis=0), last)
    songs = np.arange(odd.shape[1])
    return LastWords(stages=stages, decided=deciding[stages, songs], strange=odd[stages, songs])
