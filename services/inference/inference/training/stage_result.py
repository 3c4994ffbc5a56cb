"""What a training of one stage gives: the head, and everything that is known of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.evaluation.calibration import CalibrationFigures
from inference.evaluation.coverage import CoveragePoint
from inference.evaluation.metrics import HeldOutFigures
from inference.evaluation.predictions import Judged
from inference.training.calibration_fit import Scaling
from inference.training.fitting import Recipe
from inference.training.head import Head
from inference.training.label_weighting import NoiseFigures
from inference.training.labels import SkippedGenre
from inference.training.model_selection import Tried

Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class OutOfFold:
    """What models that never heard a song's artist say of it."""

    judged: Judged
    """All songs; those of skipped genres are missing."""
    suspects: Bools
    """[m] the label looks wrong."""
    wrong: Bools
    """[m] it looks so wrong that a tag is not learned from."""
    distances: NDArray[np.float32]
    """[m] from the songs of the training."""
    accuracy: float
    """Against the labels."""
    scaling: Scaling
    """What calibrates such predictions, and those of the served head."""
    calibration: CalibrationFigures
    ood_threshold: float
    """The distance beyond which a song is unlike the training."""
    ood_rate: float
    """Share of these songs beyond it."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What validation decided."""

    recipe: Recipe
    tried: tuple[Tried, ...]
    handle_noise: bool
    accuracies: tuple[float, float]
    """With the handling of noise, and without."""
    scaling: Scaling
    judged: Judged
    """By models that heard neither these songs' artists nor the test part."""


@dataclass(frozen=True, kw_only=True)
class TrainedStage:
    """A head and its report."""

    head: Head
    """Trained on all songs of the learned genres; its logits want the temperature and nothing else."""
    measured: Head
    """Trained on what is not the test part; the held-out figures are its own."""
    genres: tuple[str, ...]
    """In the order of the head's outputs."""
    chosen: Chosen
    test: Judged
    held_out: HeldOutFigures
    """Of the test part."""
    noise: NoiseFigures
    coverage: tuple[CoveragePoint, ...]
    """Out of fold."""
    out_of_fold: OutOfFold
    skipped: tuple[SkippedGenre, ...]
