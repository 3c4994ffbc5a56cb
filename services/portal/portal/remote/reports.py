"""What inference says of the models that it keeps, and of how good they are."""

from dataclasses import dataclass
from datetime import datetime

CANDIDATE, IN_SERVICE, RETIRED = "candidate", "in service", "retired"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A model beside the one that was in service when it was trained, on the same songs that neither learned from."""

    other_model: str
    songs: int
    accuracy: float
    other_accuracy: float
    difference_low: float
    difference_high: float
    verdict: str


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """How many songs of artists that were not in training all stages together get right."""

    songs: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float


@dataclass(frozen=True, kw_only=True)
class Model:
    """What one training made."""

    name: str
    state: str
    """`CANDIDATE`, `IN_SERVICE` or `RETIRED`."""
    heads: tuple[str, ...]
    feature_versions: tuple[str, ...]
    genres: tuple[str, ...]
    song_count: int
    training_digest: str
    create_time: datetime
    promote_time: datetime | None
    comparison: Comparison | None
    held_out: HeldOut | None
    random_weights: bool = False
    """It has learned from vectors that random weights made: its verdicts mean nothing."""


@dataclass(frozen=True, kw_only=True)
class GenreReport:
    """How well one genre is told from the others, on songs of artists that were not in training."""

    genre: str
    songs: int
    precision: float
    recall: float


@dataclass(frozen=True, kw_only=True)
class ConfusionMatrix:
    """Songs by true genre (rows) and predicted genre (columns), row after row."""

    genres: tuple[str, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class CandidateHead:
    """One kind of head that was tried, with its figures on validation artists."""

    algorithm: str
    validation_accuracy: float
    validation_loss: float
    selected: bool


@dataclass(frozen=True, kw_only=True)
class NoiseReport:
    """What was done about labels that look wrong."""

    suspected_label_errors: int
    dropped: int
    down_weighted: int
    accuracy_with: float
    accuracy_without: float
    label_noise_rate: float


@dataclass(frozen=True, kw_only=True)
class CoveragePoint:
    """From this confidence on, so much of the library is decided, and so much of that is right."""

    threshold: float
    coverage: float
    accuracy: float
    accuracy_low: float


@dataclass(frozen=True, kw_only=True)
class StageReport:
    """How good one stage is, on songs of artists that were not in training."""

    stage: int
    model_version: str
    algorithm: str
    held_out_accuracy: float
    held_out_accuracy_low: float
    held_out_accuracy_high: float
    held_out_macro_f1: float
    held_out_songs: int
    majority_baseline_accuracy: float
    out_of_fold_accuracy: float
    balanced_accuracy: float
    top3_accuracy: float
    top5_accuracy: float
    calibration: str
    calibration_error_before: float
    calibration_error_after: float
    calibration_error_sampling: float
    feature_versions: tuple[str, ...]
    genres: tuple[GenreReport, ...]
    confusion: ConfusionMatrix | None
    candidates: tuple[CandidateHead, ...]
    noise: NoiseReport | None
    ood_threshold: float
    ood_rate: float


@dataclass(frozen=True, kw_only=True)
class ThresholdPoint:
    """What the vote would be with these thresholds."""

    thresholds: tuple[float, ...]
    accuracy: float
    escalation_rate: float


@dataclass(frozen=True, kw_only=True)
class CascadeReport:
    """The vote of all stages together, on held-out songs."""

    songs: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    macro_f1: float
    decided: tuple[float, ...]
    proposed_thresholds: tuple[float, ...]
    curve: tuple[ThresholdPoint, ...]
    coverage: tuple[CoveragePoint, ...]


@dataclass(frozen=True, kw_only=True)
class SkippedGenre:
    """A genre that had labels and could not be learned."""

    genre: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """How a training went."""

    stages: tuple[StageReport, ...]
    song_count: int
    group_count: int
    genres: tuple[str, ...]
    skipped_genres: tuple[SkippedGenre, ...]
    model: Model
    cascade: CascadeReport | None


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """How good our heads are on a split that was given."""

    stage: StageReport
    training_songs: int
    validation_songs: int
    test_songs: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure of a report, drawn."""

    name: str
    media_type: str
    content: bytes
