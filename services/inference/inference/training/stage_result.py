"""What a training of one stage gives: the head, and everything that is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from inference.arrays import Array, Bools, Ints
from inference.evaluation.calibration import CalibrationFigures
from inference.evaluation.coverage import Coverage
from inference.evaluation.metrics import HeldOutFigures
from inference.evaluation.predictions import Predictions
from inference.training.fitting import Recipe
from inference.training.head import Head
from inference.training.label_noise import NoiseFigures
from inference.training.labels import SkippedGenre
from inference.training.model_selection import Candidate
from inference.training.temperature_scaling import Scaling


@dataclass(frozen=True, kw_only=True)
class HeadResult:
    """A recipe and how good its head is, however the songs were split."""

    recipe: Recipe
    candidates: tuple[Candidate, ...]
    handle_noise: bool
    """Whether songs whose labels look wrong lose their weight."""
    scaling: Scaling
    """What calibrates the head."""
    genres: tuple[str, ...]
    """In the order of the head's outputs."""
    held_out: HeldOutFigures
    """Of the test part."""
    calibration: CalibrationFigures
    coverage: Coverage


@dataclass(frozen=True, kw_only=True)
class OofSummary:
    """Out-of-fold predictions of all songs, and what they tell."""

    predictions: Predictions
    """All songs; those of skipped genres are missing."""
    suspected_label_errors: Bools
    """[m] the label looks wrong."""
    dropped_labels: Bools
    """[m] it looks so wrong that a tag is not learned from."""
    distances: Array
    """[m] Mahalanobis distance from the training songs."""
    accuracy: float
    """Against the labels."""
    scaling: Scaling
    """What calibrates such predictions, and those of the served head."""
    calibration: CalibrationFigures
    ood_threshold: float
    """The distance beyond which a song is out of distribution."""
    ood_rate: float
    """Share of these songs beyond it."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What validation decided."""

    recipe: Recipe
    candidates: tuple[Candidate, ...]
    handle_noise: bool
    accuracies: tuple[float, float]
    """With the handling of noise, and without."""
    scaling: Scaling
    predictions: Predictions
    """By models that learned neither from these songs' artists nor from the test part."""


@dataclass(frozen=True, kw_only=True)
class TrainedStage(HeadResult):
    """A head and its report; coverage and calibration are out of fold."""

    head: Head
    """Trained on all songs of the learned genres; its logits need the temperature and nothing else."""
    held_out_head: Head
    """Trained on all but the test part, the softmax of its logits calibrated; the held-out figures are its own."""
    folds: Ints
    """[m] in which fold of the first out-of-fold run each song lay; songs of skipped genres are missing."""
    fold_heads: Mapping[int, Head]
    """Of each fold the head that learned from all others; its logits need the temperature, as those of the head do."""
    validation: Predictions
    test: Predictions
    noise: NoiseFigures
    out_of_fold: OofSummary
    skipped: tuple[SkippedGenre, ...]
