"""What is known of a model version beside its weights: the record that lies in its folder."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from inference.evaluation.calibration import CalibrationFigures
from inference.evaluation.coverage import CoveragePoint
from inference.evaluation.metrics import HeldOutFigures
from inference.evaluation.thresholds import CascadeFigures
from inference.training.label_weighting import NoiseFigures
from inference.training.labels import SkippedGenre


@dataclass(frozen=True, kw_only=True)
class TriedRecipe:
    """One kind of head that was tried."""

    algorithm: str
    accuracy: float
    loss: float
    """Both on validation artists."""
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class HeadRecord:
    """One trained head. What has a default came later than the first records."""

    stage: int
    algorithm: str
    genres: tuple[str, ...]
    """In the order of the logits."""
    temperature: float
    strength: float
    """scikit-learn's C."""
    feature_versions: dict[str, str]
    """By name of the kind: the make of the vectors that it was trained on."""
    held_out: HeldOutFigures
    out_of_fold_accuracy: float
    skipped: tuple[SkippedGenre, ...]
    song_count: int
    group_count: int
    seed: int
    training_digest: str
    """SHA-256 of vectors, labels and groups."""
    training_seconds: float
    created_time: datetime
    recipe: str = ""
    """The algorithm with its values, for a person."""
    tried: tuple[TriedRecipe, ...] = ()
    calibration_kind: str = "temperature"
    calibration: CalibrationFigures | None = None
    """Of out-of-fold predictions."""
    noise: NoiseFigures | None = None
    coverage: tuple[CoveragePoint, ...] = ()
    ood_threshold: float | None = None
    """Distance beyond which a song is unlike the training; None for a head that knows none."""
    ood_rate: float = 0.0
    cascade: CascadeFigures | None = None
    """The vote of all stages up to this one; with the last stage of a training."""


RECORDS = TypeAdapter(HeadRecord)


def record_to_json(record: HeadRecord) -> bytes:
    """The record as a person may read it."""
    return RECORDS.dump_json(record, indent=1) + b"\n"


def record_from_json(text: bytes) -> HeadRecord:
    """Raises pydantic's ValidationError, a ValueError, when the text is no record."""
    return RECORDS.validate_json(text)
