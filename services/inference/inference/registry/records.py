"""What is known of a trained head beside its weights: the record that lies in its folder."""

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import TypeAdapter

from inference.evaluation.added import Added
from inference.evaluation.calibration import CalibrationFigures
from inference.evaluation.coverage import CoveragePoint
from inference.evaluation.metrics import HeldOutFigures
from inference.evaluation.thresholds import CascadeFigures
from inference.training.label_noise import NoiseFigures
from inference.training.labels import SkippedEmbedding, SkippedGenre


@dataclass(frozen=True, kw_only=True)
class CandidateRecord:
    """A recipe that was tried."""

    algorithm: str
    accuracy: float
    loss: float
    """Both on validation artists."""
    selected: bool


@dataclass(frozen=True, kw_only=True)
class HeadRecord:
    """A trained head. What only a training measures has a default, for evaluations on a split that is given."""

    stage: int
    recipe: str
    """The algorithm with its values, for a person."""
    candidates: tuple[CandidateRecord, ...]
    genres: tuple[str, ...]
    """In the order of the logits."""
    temperature: float
    calibration_kind: str
    """"temperature" or "vector"."""
    calibration: CalibrationFigures
    """Of out-of-fold predictions, or of the test part of a given split."""
    feature_versions: dict[str, str]
    """By name of the kind: of the vectors that it was trained on."""
    held_out: HeldOutFigures
    coverage: tuple[CoveragePoint, ...]
    song_count: int
    group_count: int
    seed: int
    training_digest: str
    """SHA-256 of vectors, labels and groups."""
    training_seconds: float
    created_time: datetime
    promise: CoveragePoint | None = None
    """The lowest threshold of which 95 % can be promised."""
    cut_links: int = 0
    """Reasons to keep two groups of artists on one side of a split that were passed over, for groups grow too large."""
    skipped: tuple[SkippedGenre, ...] = ()
    skipped_embeddings: tuple[SkippedEmbedding, ...] = ()
    """Those of which too few songs had vectors; with the first stage of a training."""
    lengths: dict[str, int] = field(default_factory=dict)
    """In values, by name of the kind: of the vectors that it was trained on; empty for one that was trained before."""
    added: Added | None = None
    """What it adds to the stage before, by held-out songs; None for the first."""
    out_of_fold_accuracy: float = 0.0
    noise: NoiseFigures | None = None
    ood_threshold: float = 0.0
    """Mahalanobis distance beyond which a song is out of distribution."""
    ood_rate: float = 0.0
    """Share of the out-of-fold songs beyond it."""
    cascade: CascadeFigures | None = None
    """The vote of all stages up to this one; with the last stage of a training."""


RECORDS = TypeAdapter(HeadRecord)


def record_to_json(record: HeadRecord) -> bytes:
    """The record as a person may read it."""
    return RECORDS.dump_json(record, indent=1) + b"\n"


def record_from_json(text: bytes) -> HeadRecord:
    """Raises pydantic's ValidationError, a ValueError, when the text is no record."""
    return RECORDS.validate_json(text)
