"""The models that trainings made, as plain frozen values."""

from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from reclass.inference.v1 import inference_pb2

from reclass_client.arguments import checked
from reclass_client.kinds import kind_of
from reclass_client.values import CoveragePoint, coverage_of, value_of

Request = TypeVar("Request", bound=Message)

SWITCH_SECONDS = 180.0
"""Loading a model takes seconds; a machine that is busy takes more."""


class ModelState(str, Enum):
    """Whether a model answers."""

    CANDIDATE = "candidate"
    """It never did."""
    IN_SERVICE = "in service"
    RETIRED = "retired"
    """It did before, and can be put back."""


STATES = {
    inference_pb2.MODEL_STATE_CANDIDATE: ModelState.CANDIDATE,
    inference_pb2.MODEL_STATE_IN_SERVICE: ModelState.IN_SERVICE,
    inference_pb2.MODEL_STATE_RETIRED: ModelState.RETIRED,
}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A model beside the one in service at its training, on the same songs of artists that neither learned from."""

    other_model: str
    songs: int
    accuracy: float
    other_accuracy: float
    difference_low: float
    difference_high: float
    """95 % interval of the difference of accuracies."""
    better: bool
    verdict: str
    """In a sentence."""


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """How many songs of artists that were not in its training a model gets right, all stages together."""

    songs: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    """95 % interval."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """What one training made."""

    name: str
    """For example "model-7"."""
    state: ModelState
    heads: tuple[str, ...]
    """What `Classification.model_version` names, by stage."""
    feature_versions: tuple[str, ...]
    """It classifies vectors of these versions."""
    genres: tuple[str, ...]
    song_count: int
    training_digest: str
    """Two trainings with one digest and one seed make the same model."""
    create_time: datetime
    promote_time: "datetime | None"
    """Last time that it was put into service."""
    comparison: "Comparison | None"
    """None for the first model."""
    held_out: "HeldOut | None"
    """None where its training left no such figures."""


@dataclass(frozen=True, kw_only=True)
class GenreFigures:
    """One genre among the held-out songs."""

    genre: str
    songs: int
    precision: float
    recall: float


@dataclass(frozen=True, kw_only=True)
class NoiseFigures:
    """What was done about labels that look wrong."""

    suspected_label_errors: int
    dropped: int
    """Left out of the last fit."""
    down_weighted: int
    accuracy_with: float
    accuracy_without: float
    """On validation artists, with this handling and without."""
    label_noise_rate: float
    """Share of the tags that contradict the sound; whether those are wrong, only people can tell."""
    overconfidence_if_right: float
    """If every tag is right, confidences are so much too high on the mean."""


@dataclass(frozen=True, kw_only=True)
class StageFigures:
    """How good one stage is on songs of artists that were not in its training."""

    stage: int
    model_version: str
    algorithm: str
    songs: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    """95 % interval."""
    macro_f1: float
    balanced_accuracy: float
    top3_accuracy: float
    top5_accuracy: float
    majority_baseline_accuracy: float
    calibration_error: float
    """Expected calibration error: how far confidence and the share that is right lie apart."""
    calibration_error_sampling: float
    """Standard error that it has from the number of songs alone."""
    feature_versions: tuple[str, ...]
    genres: tuple[GenreFigures, ...]
    noise: "NoiseFigures | None" = None
    coverage: tuple[CoveragePoint, ...] = ()
    promise: "CoveragePoint | None" = None
    """The lowest threshold from which on 95 % are right, and with a certainty of 90 % at least 93 %; if tags are."""
    kinds: tuple[str, ...] = ()
    """It classifies vectors of these kinds, joined in this order; the last one is what it adds to the stage before."""
    added: "Added | None" = None
    """What that is worth; None for the first stage."""


@dataclass(frozen=True, kw_only=True)
class Added:
    """Accuracy of a stage less that of the one before, on songs that both have, of artists not in their training."""

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    """95 % interval."""
    songs: int


@dataclass(frozen=True, kw_only=True)
class VoteFigures(HeldOut):
    """The same with what the vote of the stages did, of those songs."""

    macro_f1: float
    decided: tuple[float, ...]
    """Share of the songs that each stage decides, from the first."""
    proposed_thresholds: tuple[float, ...]
    """For `Options.stage_thresholds`: within one point of asking every stage for every song, at the least cost."""
    coverage: tuple[CoveragePoint, ...] = ()
    promise: "CoveragePoint | None" = None
    """As of a stage."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure of the report, drawn."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class ModelReport:
    """A model with its figures and pictures."""

    model: Model
    stages: tuple[StageFigures, ...]
    vote: "VoteFigures | None"
    """None where its training left no such figures."""
    pictures: tuple[Picture, ...]


def model_of(message: inference_pb2.Model) -> Model:
    """A model as it is listed."""
    return value_of(
        Model,
        message,
        # A service that is newer than this package may know more.
        state=STATES.get(message.state, ModelState.CANDIDATE),
        create_time=time_of(message.create_time),
        promote_time=time_of(message.promote_time) if message.HasField("promote_time") else None,
        comparison=value_of(Comparison, message.comparison) if message.HasField("comparison") else None,
        held_out=value_of(HeldOut, message.held_out) if message.HasField("held_out") else None,
    )


def report_of(message: inference_pb2.GetModelResponse) -> ModelReport:
    """The answer to GetModel."""
    vote = message.report.cascade
    return ModelReport(
        model=model_of(message.model),
        stages=tuple(figures_of(stage) for stage in message.report.stages),
        vote=value_of(VoteFigures, vote, **coverage_of(vote)) if message.report.HasField("cascade") else None,
        pictures=tuple(value_of(Picture, each) for each in message.pictures),
    )


def figures_of(message: inference_pb2.StageReport) -> StageFigures:
    return value_of(
        StageFigures,
        message,
        songs=message.held_out_songs,
        accuracy=message.held_out_accuracy,
        accuracy_low=message.held_out_accuracy_low,
        accuracy_high=message.held_out_accuracy_high,
        macro_f1=message.held_out_macro_f1,
        calibration_error=message.calibration_error_after,
        genres=tuple(value_of(GenreFigures, each) for each in message.genres),
        noise=value_of(NoiseFigures, message.noise) if message.HasField("noise") else None,
        kinds=tuple(map(kind_of, message.kinds)),
        added=value_of(Added, message.added) if message.HasField("added") else None,
        **coverage_of(message),
    )


def time_of(message: Timestamp) -> datetime:
    """An instant, in UTC."""
    return message.ToDatetime(timezone.utc)


def request_of(kind: type[Request], **name: str) -> Request:
    """A request that names a model; raises BadArgumentError for what is no name."""
    with checked("the name of the model"):
        return kind(**name)
