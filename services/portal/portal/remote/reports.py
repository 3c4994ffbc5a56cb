"""What inference says of the models that it keeps, and of how good they are.

Reports are the contract's own messages, only to be read; a part that inference left out has nothing but zeros. A model
is a value of its own, which says what there is none of, and its state in words.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from reclass.inference.v1 import inference_pb2 as pb

TrainingReport = pb.TrainingReport
EvaluationReport = pb.EvaluationReport
StageReport = pb.StageReport
GenreReport = pb.GenreReport
CascadeReport = pb.CascadeReport
ConfusionMatrix = pb.ConfusionMatrix
CoveragePoint = pb.CoveragePoint
Picture = pb.Picture

CANDIDATE, IN_SERVICE, RETIRED = "candidate", "in service", "retired"
_STATES = {
    pb.MODEL_STATE_CANDIDATE: CANDIDATE,
    pb.MODEL_STATE_IN_SERVICE: IN_SERVICE,
    pb.MODEL_STATE_RETIRED: RETIRED,
}
Value = TypeVar("Value")


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


def model_of(message: pb.Model) -> Model:
    """A model as inference says of it."""
    return Model(
        name=message.name,
        state=_STATES.get(message.state, str(message.state)),
        heads=tuple(message.heads),
        feature_versions=tuple(message.feature_versions),
        genres=tuple(message.genres),
        song_count=message.song_count,
        training_digest=message.training_digest,
        create_time=_time(message.create_time),
        promote_time=_time(message.promote_time) if message.HasField("promote_time") else None,
        comparison=_part(message.comparison, Comparison) if message.HasField("comparison") else None,
        held_out=_part(message.held_out, HeldOut) if message.HasField("held_out") else None,
        random_weights=message.random_weights,
    )


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)


def _part(message: Message, kind: type[Value]) -> Value:
    return kind(**{each.name: getattr(message, each.name) for each in fields(kind)})  # type: ignore[arg-type]
