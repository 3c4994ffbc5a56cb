"""The door to the models of the inference service: listed, looked at, put into service, taken back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from reclass.inference.v1 import inference_pb2 as pb
from reclass.inference.v1 import inference_pb2_grpc

from portal.configuration import PortalSettings
from portal.preferences.values import Preferences
from portal.remote.calls import channel_to, streamed, translated
from portal.remote.inference import OutOfFold, out_of_fold_of
from portal.remote.reports import IN_SERVICE, Model, Picture, TrainingReport, model_of
from portal.remote.request_settings import compute, excerpt, voting

# Loading a model takes seconds; a machine that is busy with other things takes more.
SWITCH_TIMEOUT_SECONDS = 180.0
LOOK_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Models:
    """Those that are kept, the newest first."""

    models: tuple[Model, ...]
    rollback_model: str
    """The one that a rollback would put back; empty where there is none."""

    @property
    def in_service(self) -> Model | None:
        """The one that answers."""
        return next((model for model in self.models if model.state == IN_SERVICE), None)


@dataclass(frozen=True, kw_only=True)
class ModelDetails:
    """A model with all that is known of it."""

    model: Model
    report: TrainingReport
    pictures: Sequence[Picture]


class ModelsClient:
    """Typed calls; every failure is a `RemoteError`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = inference_pb2_grpc.InferenceServiceStub(channel)

    def kept(self, *, timeout_seconds: float = LOOK_TIMEOUT_SECONDS) -> Models:
        """The models that are kept, and which of them a rollback would put back."""
        with translated("inference"):
            answer = self._stub.ListModels(pb.ListModelsRequest(), timeout=timeout_seconds)
        return Models(models=tuple(map(model_of, answer.models)), rollback_model=answer.rollback_model)

    def get(self, name: str = "", *, timeout_seconds: float = LOOK_TIMEOUT_SECONDS) -> ModelDetails:
        """A model with its report and pictures; without a name the one in service."""
        with translated("inference"):
            answer = self._stub.GetModel(pb.GetModelRequest(name=name), timeout=timeout_seconds)
        return ModelDetails(model=model_of(answer.model), report=answer.report, pictures=answer.pictures)

    def out_of_fold(self, name: str, settings: Preferences) -> Iterator[OutOfFold]:
        """What the training of a model said of its songs, voted on by the thresholds in force."""
        request = pb.GetOutOfFoldPredictionsRequest(name=name, **voting(settings))
        answers = streamed(
            "inference", lambda: self._stub.GetOutOfFoldPredictions(request, timeout=SWITCH_TIMEOUT_SECONDS)
        )
        yield from map(out_of_fold_of, answers)

    def promote(self, name: str, settings: Preferences, stored: Sequence[str]) -> Model:
        """Put a model into service that has learned from vectors such as are stored and made now."""
        request = pb.PromoteModelRequest(
            name=name, excerpt=excerpt(settings), compute=compute(settings), vector_versions=stored
        )
        with translated("inference"):
            return model_of(self._stub.PromoteModel(request, timeout=SWITCH_TIMEOUT_SECONDS).model)

    def roll_back(self, in_service: str, settings: Preferences, stored: Sequence[str]) -> Model:
        """Put the model back that was in service before this one; where this one is not any more, nothing happens."""
        request = pb.RollbackModelRequest(
            in_service=in_service,
            excerpt=excerpt(settings),
            compute=compute(settings),
            vector_versions=stored,
        )
        with translated("inference"):
            return model_of(self._stub.RollbackModel(request, timeout=SWITCH_TIMEOUT_SECONDS).model)


@contextmanager
def models_at_hand() -> Iterator[ModelsClient]:
    """As a page or a command asks: over a channel of its own."""
    with channel_to(PortalSettings.load(), "inference", patient=False) as channel:
        yield ModelsClient(channel)
