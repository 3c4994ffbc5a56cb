"""Whether a model is better than another by more than noise, on songs of artists that neither learned from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from inference.classify.voting import last_words
from inference.evaluation.bootstrap import interval_of_mean

Bools = NDArray[np.bool_]
Ints = NDArray[np.integer]

FEWEST_SONGS = 20
FEWEST_ARTISTS = 5
"""Below either a bootstrap would draw the same few artists again and again, and be surer than it may."""


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
class Opinion:
    """What the head of one stage says of songs."""

    songs: Ints
    """[m] rows of the corpus, rising."""
    genres: tuple[str, ...]
    probabilities: NDArray[np.floating]
    """[m, genres], calibrated."""
    strange: Bools
    """[m] unlike the songs of the training."""
    threshold: float
    """In force: probability from which on no later stage is asked."""


def voted(songs: Ints, opinions: Sequence[Opinion]) -> NDArray[np.object_]:
    """The genre [n] that the stages give each of these songs (rows, rising) together; "" where none knows it."""
    asked = [np.isin(songs, opinion.songs) for opinion in opinions]
    confidences = [np.zeros(len(songs)) for _ in opinions]
    strange = [np.zeros(len(songs), dtype=np.bool_) for _ in opinions]
    said = np.full((len(opinions), len(songs)), "", dtype=object)
    for stage, opinion in enumerate(opinions):
        rows = np.searchsorted(opinion.songs, songs[asked[stage]])
        confidences[stage][asked[stage]] = opinion.probabilities[rows].max(axis=1)
        strange[stage][asked[stage]] = opinion.strange[rows]
        best = opinion.probabilities[rows].argmax(axis=1)
        said[stage, asked[stage]] = np.asarray(opinion.genres, dtype=object)[best]
    last = last_words(confidences, strange, [opinion.threshold for opinion in opinions], asked)
    genres: NDArray[np.object_] = said[last.stages, np.arange(len(songs))]
    return genres


def compared(right: Bools, other_right: Bools, artists: Ints, other: str) -> Comparison:
    """A model beside `other` on songs [n] of these artists [n]: which of them each gets right."""
    songs, groups = len(right), len(np.unique(artists))
    if songs < FEWEST_SONGS or groups < FEWEST_ARTISTS:
        return Comparison(
            other_model=other,
            songs=songs,
            accuracy=float(right.mean()) if songs else 0.0,
            other_accuracy=float(other_right.mean()) if songs else 0.0,
            difference_low=-1.0,
            difference_high=1.0,
            better=False,
            verdict=f"Only {songs} songs of {groups} artists are left that neither it nor {other} learned from, and "
            f"{FEWEST_SONGS} of {FEWEST_ARTISTS} are needed to compare them: decide by hand.",
        )
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


def in_a_word(low: float, high: float) -> str:
    """What the interval of a difference says."""
    if low > 0:
        return "better"
    return "worse" if high < 0 else "not better by more than chance"
