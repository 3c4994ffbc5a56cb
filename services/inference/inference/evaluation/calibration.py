"""How well calibrated probabilities are: negative log-likelihood, expected calibration error, reliability diagram."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Floats, Ints
from inference.classify.probabilities import log_softmax

DRAWS = 200
SEED = 5


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """Songs of nearly one confidence."""

    songs: int
    confidence: float
    """Mean; 0 without songs."""
    accuracy: float


def negative_log_likelihood(logits: Floats, labels: Ints, temperature: float = 1.0) -> float:
    """Mean of -log p(label) in nats, of logits [n, genres] divided by the temperature and labels [n]."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    return float(-np.mean(log_softmax(scaled)[np.arange(len(labels)), labels]))


def calibration_error(confidence: Floats, right: Bools | Ints | Floats, bins: int = 10) -> float:
    """Expected calibration error: mean distance of confidence [n] and accuracy over equal-width bins; 0 to 1.

    right : [n] whether the prediction is right, or how likely. Each bin weighs as much as it has songs.
    """
    gaps = np.bincount(bin_of(confidence, bins), weights=confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def expected_calibration_error(probabilities: Floats, labels: Ints, bins: int = 10) -> float:
    """The calibration error of the best genre's probability, of probabilities [n, genres] and labels [n]."""
    return calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels, bins)


def sampling_error(confidence: Floats, bins: int = 10) -> float:
    """The calibration error that these confidences [n] would show if they were perfectly calibrated.

    Root mean square over drawn outcomes: with few songs it is far from 0, and an error no larger says nothing.
    """
    random = np.random.default_rng(SEED)
    drawn = [
        calibration_error(confidence, random.random(len(confidence)) < confidence, bins) for _ in range(DRAWS)
    ]
    return float(np.sqrt(np.mean(np.square(drawn))))


def calibration_bins(confidence: Floats, right: Bools, bins: int = 10) -> tuple[CalibrationBin, ...]:
    """Confidence and accuracy of equal-width bins, for a reliability diagram."""
    bin_index = bin_of(confidence, bins)
    songs = np.bincount(bin_index, minlength=bins)
    sums = np.bincount(bin_index, weights=confidence, minlength=bins) / np.maximum(songs, 1)
    hits = np.bincount(bin_index, weights=right, minlength=bins) / np.maximum(songs, 1)
    return tuple(
        CalibrationBin(songs=int(n), confidence=float(c), accuracy=float(a))
        for n, c, a in zip(songs, sums, hits, strict=True)
    )


def bin_of(confidence: Floats, bins: int) -> NDArray[np.intp]:
    return np.minimum((np.asarray(confidence) * bins).astype(np.intp), bins - 1)


@dataclass(frozen=True, kw_only=True)
class CalibrationFigures:
    """How well calibrated predictions are, of songs that had no part in the calibration."""

    songs: int
    before: float
    after: float
    """Calibration error before and after scaling."""
    sampling: float
    """The error that so few songs show by chance."""
    bins_before: tuple[CalibrationBin, ...]
    bins_after: tuple[CalibrationBin, ...]


def calibration_figures(before: Floats, after: Floats, labels: Ints) -> CalibrationFigures:
    """Of probabilities [n, genres] before and after scaling and the right genres [n]."""
    (was, was_right), (now, right) = (
        (each.max(axis=1), each.argmax(axis=1) == labels) for each in (before, after)
    )
    return CalibrationFigures(
        songs=len(labels),
        before=calibration_error(was, was_right),
        after=calibration_error(now, right),
        sampling=sampling_error(now),
        bins_before=calibration_bins(was, was_right),
        bins_after=calibration_bins(now, right),
    )
