"""The door to the models of the inference service: listed, looked at, put into service, taken back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from reclass.inference.v1 import inference_pb2 as pb
from reclass.inference.v1 import inference_pb2_grpc

from portal.configuration import PortalSettings
from portal.remote.calls import channel_to, streamed, translated
from portal.remote.inference import OutOfFold, out_of_fold_of
from portal.remote.plain import plain
from portal.remote.request_settings import RequestSettings, classify_options, voting

# Loading a model takes seconds; a machine that is busy with other things takes more.
SWITCH_TIMEOUT_SECONDS = 180.0
LOOK_TIMEOUT_SECONDS = 10.0
CANDIDATE, IN_SERVICE, RETIRED = "candidate", "in service", "retired"
_STATES = {
    pb.MODEL_STATE_CANDIDATE: CANDIDATE,
    pb.MODEL_STATE_IN_SERVICE: IN_SERVICE,
    pb.MODEL_STATE_RETIRED: RETIRED,
}


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
    """candidate, in service or retired."""
    heads: tuple[str, ...]
    feature_versions: tuple[str, ...]
    genres: tuple[str, ...]
    song_count: int
    training_digest: str
    created_time: datetime
    promoted_time: datetime | None
    comparison: Comparison | None
    held_out: HeldOut | None
    random_weights: bool = False
    """It has learned from vectors that random weights made: its verdicts mean nothing."""

    @property
    def is_in_service(self) -> bool:
        """Whether it answers."""
        return self.state == IN_SERVICE


@dataclass(frozen=True, kw_only=True)
class Models:
    """Those that are kept, the newest first."""

    models: tuple[Model, ...]
    rollback_model: str
    """The one that a rollback would put back; empty where there is none."""

    @property
    def in_service(self) -> Model | None:
        """The one that answers."""
        return next((model for model in self.models if model.is_in_service), None)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure of the report, drawn."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class ShownModel:
    """A model with all that is known of it."""

    model: Model
    report: dict[str, Any]
    """The contract's TrainingReport with its own field names."""
    pictures: tuple[Picture, ...]


class ModelsClient:
    """Typed calls; every failure is a `RemoteError`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = inference_pb2_grpc.InferenceServiceStub(channel)

    def kept(self, *, timeout_seconds: float = LOOK_TIMEOUT_SECONDS) -> Models:
        """The models that are kept, and which of them a rollback would put back."""
        with translated("inference"):
            answer = self._stub.ListModels(pb.ListModelsRequest(), timeout=timeout_seconds)
        models = tuple(_model(each) for each in answer.models)
        return Models(models=models, rollback_model=answer.rollback_model)

    def all(self, *, timeout_seconds: float = LOOK_TIMEOUT_SECONDS) -> tuple[Model, ...]:
        """The models that are kept, the newest first."""
        return self.kept(timeout_seconds=timeout_seconds).models

    def get(self, name: str = "", *, timeout_seconds: float = LOOK_TIMEOUT_SECONDS) -> ShownModel:
        """A model with its report and pictures; without a name the one in service."""
        with translated("inference"):
            answer = self._stub.GetModel(pb.GetModelRequest(name=name), timeout=timeout_seconds)
        pictures = (
            Picture(name=each.name, media_type=each.media_type, content=each.content)
            for each in answer.pictures
        )
        return ShownModel(model=_model(answer.model), report=plain(answer.report), pictures=tuple(pictures))

    def out_of_fold(self, name: str, settings: RequestSettings) -> Iterator[OutOfFold]:
        """What the training of a model said of its songs, voted on by the thresholds in force."""
        with translated("inference"):
            answers = self._stub.GetOutOfFoldPredictions(
                pb.GetOutOfFoldPredictionsRequest(name=name, **voting(settings)),
                timeout=SWITCH_TIMEOUT_SECONDS,
            )
        try:
            for answer in streamed("inference", answers):
                yield out_of_fold_of(answer)
        finally:
            answers.cancel()

    def promote(self, name: str, settings: RequestSettings, stored: Sequence[str]) -> Model:
        """Put a model into service that has learned from vectors such as are stored and made now."""
        heard = classify_options(settings)
        request = pb.PromoteModelRequest(
            name=name, excerpt=heard.excerpt, compute=heard.compute, vector_versions=stored
        )
        with translated("inference"):
            return _model(self._stub.PromoteModel(request, timeout=SWITCH_TIMEOUT_SECONDS).model)

    def roll_back(self, in_service: str, settings: RequestSettings, stored: Sequence[str]) -> Model:
        """Put the model back that was in service before this one; where this one is not any more, nothing happens."""
        heard = classify_options(settings)
        request = pb.RollbackModelRequest(
            in_service=in_service, excerpt=heard.excerpt, compute=heard.compute, vector_versions=stored
        )
        with translated("inference"):
            return _model(self._stub.RollbackModel(request, timeout=SWITCH_TIMEOUT_SECONDS).model)


@contextmanager
def models_at_hand() -> Iterator[ModelsClient]:
    """As a page or a command asks: over a channel of its own."""
    channel = channel_to(PortalSettings.load(), "inference", patient=False)
    try:
        yield ModelsClient(channel)
    finally:
        channel.close()


def _model(message: pb.Model) -> Model:
    return Model(
        name=message.name,
        state=_STATES.get(message.state, str(message.state)),
        heads=tuple(message.heads),
        feature_versions=tuple(message.feature_versions),
        genres=tuple(message.genres),
        song_count=message.song_count,
        training_digest=message.training_digest,
        created_time=_time(message.create_time),
        promoted_time=_time(message.promote_time) if message.HasField("promote_time") else None,
        comparison=_comparison(message.comparison) if message.HasField("comparison") else None,
        random_weights=message.random_weights,
        held_out=HeldOut(**plain(message.held_out)) if message.HasField("held_out") else None,
    )


def _comparison(message: pb.Comparison) -> Comparison:
    return Comparison(
        other_model=message.other_model,
        songs=message.songs,
        accuracy=message.accuracy,
        other_accuracy=message.other_accuracy,
        difference_low=message.difference_low,
        difference_high=message.difference_high,
        verdict=message.verdict,
    )


def _time(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)
