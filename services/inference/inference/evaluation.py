"""How good predictions are on songs that the model never heard."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.calibration import expected_calibration_error, softmax

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]


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
    """Figures on songs of artists that were not in training."""

    songs: int
    accuracy: float
    macro_f1: float
    """Mean F1 of the genres that occur among the held-out songs."""
    majority_baseline_accuracy: float
    """Accuracy of always naming the training part's most frequent genre."""
    calibration_error_before: float
    calibration_error_after: float
    """Expected calibration error before and after temperature scaling."""
    genres: tuple[GenreFigures, ...]


def held_out_figures(
    *, logits: Floats, labels: Ints, train_labels: Ints, temperature: float, genres: Sequence[str]
) -> HeldOutFigures:
    """Figures of logits [n, genres] against labels [n]; the temperature must come from other songs."""
    predicted = logits.argmax(axis=1)
    majority = np.bincount(train_labels, minlength=len(genres)).argmax()
    per_genre = genre_figures(predicted, labels, genres)
    return HeldOutFigures(
        songs=len(labels),
        accuracy=accuracy(predicted, labels),
        macro_f1=macro_f1(per_genre),
        majority_baseline_accuracy=float(np.mean(labels == majority)),
        calibration_error_before=expected_calibration_error(softmax(logits), labels),
        calibration_error_after=expected_calibration_error(softmax(logits, temperature), labels),
        genres=per_genre,
    )


def accuracy(predicted: Ints, labels: Ints) -> float:
    """Share of right predictions."""
    return float(np.mean(predicted == labels))


def genre_figures(predicted: Ints, labels: Ints, genres: Sequence[str]) -> tuple[GenreFigures, ...]:
    """Precision and recall of each genre."""
    size = len(genres)
    right = np.bincount(labels[predicted == labels], minlength=size)
    called = np.bincount(predicted, minlength=size)
    songs = np.bincount(labels, minlength=size)
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
