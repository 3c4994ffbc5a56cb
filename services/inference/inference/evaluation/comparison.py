"""Whether a model is better than another by more than chance, on songs of artists that neither learned from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from inference.arrays import Bools, Floats, Ints
from inference.classify.voting_rule import decide
from inference.evaluation.bootstrap import interval_of_mean

MIN_SONGS = 20
MIN_ARTISTS = 5
"""With fewer of either a bootstrap would draw the same few artists again and again, and be surer than it may."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two models on the same songs, of artists that neither learned from."""

    other_model: str
    songs: int
    accuracy: float
    other_accuracy: float
    difference_low: float
    difference_high: float
    """95 % interval of the difference of accuracies, this less the other, by a paired bootstrap over artists."""
    better: bool
    verdict: str
    """In a sentence, for a person."""


COMPARISONS = TypeAdapter(Comparison)


@dataclass(frozen=True, kw_only=True)
class StagePredictions:
    """What the head of one stage of a model predicts for songs."""

    songs: Ints
    """[m] rows of the corpus, rising."""
    genres: tuple[str, ...]
    probabilities: Floats
    """[m, genres], calibrated."""
    is_ood: Bools
    """[m] out of the distribution of the training."""
    threshold: float
    """In force: the confidence from which the stage decides."""


def voted(songs: Ints, stages: Sequence[StagePredictions]) -> NDArray[np.object_]:
    """The genre [n] that the vote of the stages gives these songs (rows, rising); "" where none has a prediction."""
    installed = [np.isin(songs, stage.songs) for stage in stages]
    confidences = [np.zeros(len(songs)) for _ in stages]
    is_ood = [np.zeros(len(songs), dtype=np.bool_) for _ in stages]
    predicted = np.full((len(stages), len(songs)), "", dtype=object)
    for place, (stage, own) in enumerate(zip(stages, installed, strict=True)):
        rows = np.searchsorted(stage.songs, songs[own])
        confidences[place][own] = stage.probabilities[rows].max(axis=1)
        is_ood[place][own] = stage.is_ood[rows]
        best = stage.probabilities[rows].argmax(axis=1)
        predicted[place, own] = np.asarray(stage.genres, dtype=object)[best]
    decisions = decide(confidences, is_ood, [stage.threshold for stage in stages], installed)
    genres: NDArray[np.object_] = predicted[decisions.stages, np.arange(len(songs))]
    return genres


def compared(right: Bools, other_right: Bools, artists: Ints, other: str) -> Comparison:
    """A model compared with `other` by a paired bootstrap over artists [n]: which of the songs [n] each gets right."""
    songs, groups = len(right), len(np.unique(artists))
    if songs < MIN_SONGS or groups < MIN_ARTISTS:
        too_few = uncompared(
            other,
            f"Only {songs} songs of {groups} artists are left that neither it nor {other} learned from, and "
            f"{MIN_SONGS} of {MIN_ARTISTS} are needed to compare them: decide by hand.",
        )
        accuracies = (float(right.mean()), float(other_right.mean())) if songs else (0.0, 0.0)
        return replace(too_few, songs=songs, accuracy=accuracies[0], other_accuracy=accuracies[1])
    difference = right.astype(np.float64) - other_right.astype(np.float64)
    low, high = interval_of_mean(difference, artists)
    return Comparison(
        other_model=other,
        songs=songs,
        accuracy=float(right.mean()),
        other_accuracy=float(other_right.mean()),
        difference_low=low,
        difference_high=high,
        better=low > 0,
        verdict=(
            f"{right.mean():.1%} right against {other_right.mean():.1%} of {other}, on the same {songs} songs of "
            f"{groups} artists that neither learned from; the difference lies between {100 * low:+.1f} and "
            f"{100 * high:+.1f} points: {in_a_word(low, high)}."
        ),
    )


def uncompared(other: str, verdict: str) -> Comparison:
    """What is said where there was nothing to count, and the difference may be anything."""
    return Comparison(
        other_model=other,
        songs=0,
        accuracy=0.0,
        other_accuracy=0.0,
        difference_low=-1.0,
        difference_high=1.0,
        better=False,
        verdict=verdict,
    )


def in_a_word(low: float, high: float) -> str:
    """What the interval of a difference says."""
    if low > 0:
        return "better"
    return "worse" if high < 0 else "not better by more than chance"
