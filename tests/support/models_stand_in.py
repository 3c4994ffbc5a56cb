"""A stand-in for the part of inference that is about models: they are what a test puts there."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import grpc
from reclass.inference.v1 import inference_pb2 as messages
from reclass.inference.v1 import inference_pb2_grpc
from runtime.errors import ServiceError

CANDIDATE, IN_SERVICE, RETIRED = (
    messages.MODEL_STATE_CANDIDATE,
    messages.MODEL_STATE_IN_SERVICE,
    messages.MODEL_STATE_RETIRED,
)


class OutdatedError(ServiceError):
    """The model has learned from other vectors."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "MODEL_OUTDATED"


def made(number: int, state: int, verdict: str = "") -> messages.Model:
    """A model of one head."""
    model = messages.Model(
        name=f"model-{number}",
        state=state,  # type: ignore[arg-type] # any number of the enum
        heads=[f"genre_test/{number}"],
        feature_versions=["test/1"],
        genres=["Jazz", "Rap"],
        song_count=12,
        training_digest="d1",
    )
    model.create_time.FromSeconds(1_700_000_000 + number)
    model.held_out.MergeFrom(messages.HeldOut(songs=8, accuracy=0.75, accuracy_low=0.5, accuracy_high=0.875))
    if verdict:
        model.comparison.other_model = "model-1"
        model.comparison.verdict = verdict
    return model


@dataclass
class ModelsStandIn(inference_pb2_grpc.InferenceServiceServicer):
    """Switches between `models`, the newest first."""

    models: list[messages.Model] = field(default_factory=list)
    said: dict[str, list[messages.OutOfFoldPrediction]] = field(default_factory=dict)
    """Out-of-fold predictions by model."""
    pictures: list[messages.Picture] = field(default_factory=list)
    later_stages: list[messages.StageReport] = field(default_factory=list)
    """Beside the first one, of every report."""
    skipped_embeddings: list[messages.SkippedEmbedding] = field(default_factory=list)
    refuses: ServiceError | None = None
    reports_asked: list[str] = field(default_factory=list)
    out_of_fold_asked: list[messages.GetOutOfFoldPredictionsRequest] = field(default_factory=list)
    switches: list[messages.PromoteModelRequest | messages.RollbackModelRequest] = field(default_factory=list)

    def ListModels(
        self, request: messages.ListModelsRequest, context: grpc.ServicerContext
    ) -> messages.ListModelsResponse:
        before = next((each.name for each in self.models if each.state == RETIRED), "")
        return messages.ListModelsResponse(models=self.models, rollback_model=before)

    def GetModel(
        self, request: messages.GetModelRequest, context: grpc.ServicerContext
    ) -> messages.GetModelResponse:
        self.reports_asked.append(request.name)
        model = next(
            each
            for each in self.models
            if request.name == each.name or (not request.name and each.state == IN_SERVICE)
        )
        stage = messages.StageReport(
            stage=1,
            model_version=model.heads[0],
            algorithm="logistic-regression",
            held_out_accuracy=0.75,
            held_out_songs=8,
            genres=[messages.GenreReport(genre="Jazz", songs=4, precision=0.5, recall=0.25)],
            confusion=messages.ConfusionMatrix(genres=["Jazz", "Rap"], counts=[1, 3, 0, 4]),
        )
        report = messages.TrainingReport(
            stages=[stage, *self.later_stages],
            song_count=12,
            group_count=6,
            model=model,
            skipped_embeddings=self.skipped_embeddings,
        )
        return messages.GetModelResponse(model=model, report=report, pictures=self.pictures)

    def GetOutOfFoldPredictions(
        self, request: messages.GetOutOfFoldPredictionsRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.OutOfFoldPrediction]:
        self.out_of_fold_asked.append(request)
        yield from self.said.get(request.name, [])

    def PromoteModel(
        self, request: messages.PromoteModelRequest, context: grpc.ServicerContext
    ) -> messages.PromoteModelResponse:
        self.switches.append(request)
        return messages.PromoteModelResponse(model=self._switch(request.name))

    def RollbackModel(
        self, request: messages.RollbackModelRequest, context: grpc.ServicerContext
    ) -> messages.RollbackModelResponse:
        self.switches.append(request)
        serving = next(each for each in self.models if each.state == IN_SERVICE)
        before = next(each for each in self.models if each.state == RETIRED)
        name = before.name if request.in_service == serving.name else serving.name
        return messages.RollbackModelResponse(model=self._switch(name))

    def _switch(self, name: str) -> messages.Model:
        if self.refuses:
            raise self.refuses
        for each in self.models:
            if each.name == name:
                each.state = IN_SERVICE
                each.promote_time.GetCurrentTime()
            elif each.state == IN_SERVICE:
                each.state = RETIRED
        return next(each for each in self.models if each.name == name)
