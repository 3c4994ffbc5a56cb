"""The part of InferenceService that is about models: converts messages, asks the parts that know, converts back."""

from collections.abc import Iterator

import grpc
from reclass.features.v1 import features_pb2_grpc
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc

from inference.classify.verdicts import Rule
from inference.errors import InvalidRequestError
from inference.rpc.feature_versions import makes_now
from inference.rpc.messages import max_stages_from, thresholds_from
from inference.rpc.model_messages import model_to, page_of, picture_to
from inference.rpc.report_messages import report_to, train_response
from inference.serving.lifecycle import Models


class ModelServicer(inference_pb2_grpc.InferenceServiceServicer):
    """Lists, shows and switches models."""

    def __init__(self, *, models: Models, features: features_pb2_grpc.FeatureServiceStub) -> None:
        self._models = models
        self._features = features

    def ListModels(
        self, request: inference_pb2.ListModelsRequest, context: grpc.ServicerContext
    ) -> inference_pb2.ListModelsResponse:
        return page_of(self._models.all(), request, self._models.before())

    def GetModel(
        self, request: inference_pb2.GetModelRequest, context: grpc.ServicerContext
    ) -> inference_pb2.GetModelResponse:
        kept = self._models.get(request.name)
        report = report_to(self._models.records(kept.model))
        report.model.CopyFrom(model_to(kept))
        pictures = [picture_to(each) for each in self._models.pictures(kept.model)]
        return inference_pb2.GetModelResponse(model=report.model, report=report, pictures=pictures)

    def GetOutOfFoldPredictions(
        self, request: inference_pb2.GetOutOfFoldPredictionsRequest, context: grpc.ServicerContext
    ) -> Iterator[inference_pb2.OutOfFoldPrediction]:
        rule = Rule(thresholds=thresholds_from(request), max_stages=max_stages_from(request))
        for heard in self._models.out_of_fold(self._models.get(request.name).model, rule):
            yield train_response(heard).out_of_fold

    def PromoteModel(
        self, request: inference_pb2.PromoteModelRequest, context: grpc.ServicerContext
    ) -> inference_pb2.PromoteModelResponse:
        if not request.name:
            raise InvalidRequestError("name the model to put into service; ListModels has their names")
        kept = self._models.promote(request.name, makes_now(self._features, request))
        return inference_pb2.PromoteModelResponse(model=model_to(kept))

    def RollbackModel(
        self, request: inference_pb2.RollbackModelRequest, context: grpc.ServicerContext
    ) -> inference_pb2.RollbackModelResponse:
        kept = self._models.rollback(request.in_service, makes_now(self._features, request))
        return inference_pb2.RollbackModelResponse(model=model_to(kept))
