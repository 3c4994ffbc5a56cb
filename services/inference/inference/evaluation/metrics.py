"""Accuracy, F1, recall and confusion of predictions on songs of artists that were not in the training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Floats, Ints
from inference.evaluation.bootstrap import interval_of_share


@dataclass(frozen=True, kw_only=True)
class GenreFigures:
    """One genre among the held-out songs."""

    genre: str
    songs: int
    """Held-out songs of this genre."""
    precision: float
    """Share of right ones among those called this genre; 0 when none was."""
    recall: float
    """Share of this genre's songs that were found; 0 when there are none."""


@dataclass(frozen=True, kw_only=True)
class HeldOutFigures:
    """Figures on songs of artists that were not in the training."""

    songs: int
    accuracy: float
    macro_f1: float
    """Mean F1 of the genres that occur among the held-out songs."""
    majority_baseline_accuracy: float
    """Accuracy of always naming the training part's most frequent genre."""
    genres: tuple[GenreFigures, ...]
    accuracy_low: float
    accuracy_high: float
    """95 % interval, by bootstrap over artists."""
    balanced_accuracy: float
    """Mean recall of the genres that occur among the held-out songs."""
    top3_accuracy: float
    top5_accuracy: float
    """Share of songs whose genre is among the best three and five."""
    confusion: tuple[tuple[int, ...], ...]
    """Songs by true genre (rows) and predicted genre (columns), in the order of `genres`."""


def held_out_figures(
    *, scores: Floats, multi_hot: Bools, labels: Ints, groups: Ints, train_labels: Ints, genres: Sequence[str]
) -> HeldOutFigures:
    """Figures of scores [n, genres], the best genre's highest.

    named, labels : [n, genres] what the label of each song names, and [n] the first of that. A song with several genres
    is predicted rightly by any of them, and then counts as a song of that one. groups : [n] artists.
    """
    predicted = scores.argmax(axis=1)
    truth = effective_labels(predicted, multi_hot, labels)
    right = predicted == truth
    confusion = confusion_matrix(truth, predicted, len(genres))
    per_genre = genre_figures(confusion, genres)
    majority = np.bincount(train_labels, minlength=len(genres)).argmax()
    low, high = interval_of_share(right, groups)
    return HeldOutFigures(
        songs=len(labels),
        accuracy=float(right.mean()),
        accuracy_low=low,
        accuracy_high=high,
        macro_f1=macro_f1(per_genre),
        balanced_accuracy=mean_recall(per_genre),
        top3_accuracy=top_accuracy(scores, multi_hot, 3),
        top5_accuracy=top_accuracy(scores, multi_hot, 5),
        majority_baseline_accuracy=float(multi_hot[:, majority].mean()),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        genres=per_genre,
    )


def effective_labels(predicted: Ints, multi_hot: Bools, labels: Ints) -> NDArray[np.intp]:
    """The genre that each song [n] counts for: the predicted one where its label names it, else the label's first."""
    found = multi_hot[np.arange(len(predicted)), predicted]
    return np.where(found, predicted, labels).astype(np.intp)


def confusion_matrix(truth: Ints, predicted: Ints, genres: int) -> NDArray[np.intp]:
    """Songs by true genre (rows) and predicted genre (columns)."""
    return np.bincount(truth * genres + predicted, minlength=genres * genres).reshape(genres, genres)


def genre_figures(confusion: Ints, genres: Sequence[str]) -> tuple[GenreFigures, ...]:
    """Precision and recall of each genre."""
    right, songs, called = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return tuple(
        GenreFigures(
            genre=genre,
            songs=int(songs[i]),
            precision=float(right[i] / max(called[i], 1)),
            recall=float(right[i] / max(songs[i], 1)),
        )
        for i, genre in enumerate(genres)
    )


def macro_f1(figures: Sequence[GenreFigures]) -> float:
    """Mean F1 over the genres that have songs."""
    scores = [
        2 * f.precision * f.recall / (f.precision + f.recall) if f.precision + f.recall else 0.0
        for f in figures
        if f.songs
    ]
    return float(np.mean(scores)) if scores else 0.0


def mean_recall(figures: Sequence[GenreFigures]) -> float:
    """Mean recall over the genres that have songs."""
    recalls = [f.recall for f in figures if f.songs]
    return float(np.mean(recalls)) if recalls else 0.0


def top_accuracy(scores: Floats, multi_hot: Bools, count: int) -> float:
    """Share of songs that have one of their genres among the best `count`."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return float(np.take_along_axis(multi_hot, best, axis=1).any(axis=1).mean())
