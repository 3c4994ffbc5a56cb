"""The part of InferenceService that is about models: converts messages, asks the rooms that know, converts back."""

from collections.abc import Iterator

import grpc
from reclass.features.v1 import features_pb2_grpc
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc

from inference.classify.voting_rule import Rule
from inference.errors import InvalidRequestError
from inference.rpc.features_client import available_versions
from inference.rpc.messages import max_stages_from, thresholds_from
from inference.rpc.model_messages import model_to, page_of, picture_to
from inference.rpc.report_messages import oof_prediction_to, report_to
from inference.serving.lifecycle import Models


class ModelServicer(inference_pb2_grpc.InferenceServiceServicer):
    """Lists, shows and switches models."""

    def __init__(self, *, models: Models, features: features_pb2_grpc.FeatureServiceStub) -> None:
        self._models = models
        self._features = features

    def ListModels(
        self, request: inference_pb2.ListModelsRequest, context: grpc.ServicerContext
    ) -> inference_pb2.ListModelsResponse:
        return page_of(self._models.all(), request, self._models.previous())

    def GetModel(
        self, request: inference_pb2.GetModelRequest, context: grpc.ServicerContext
    ) -> inference_pb2.GetModelResponse:
        registered = self._models.get(request.name)
        report = report_to(registered, self._models.records(registered.model))
        pictures = [picture_to(each) for each in self._models.pictures(registered.model)]
        return inference_pb2.GetModelResponse(model=report.model, report=report, pictures=pictures)

    def GetOutOfFoldPredictions(
        self, request: inference_pb2.GetOutOfFoldPredictionsRequest, context: grpc.ServicerContext
    ) -> Iterator[inference_pb2.OutOfFoldPrediction]:
        rule = Rule(thresholds=thresholds_from(request), max_stages=max_stages_from(request))
        model = self._models.get(request.name).model
        for prediction in self._models.oof_predictions(model, rule):
            yield oof_prediction_to(prediction)

    def PromoteModel(
        self, request: inference_pb2.PromoteModelRequest, context: grpc.ServicerContext
    ) -> inference_pb2.PromoteModelResponse:
        if not request.name:
            raise InvalidRequestError("name the model to put into service; ListModels has their names")
        registered = self._models.promote(request.name, available_versions(self._features, request))
        return inference_pb2.PromoteModelResponse(model=model_to(registered))

    def RollbackModel(
        self, request: inference_pb2.RollbackModelRequest, context: grpc.ServicerContext
    ) -> inference_pb2.RollbackModelResponse:
        registered = self._models.rollback(request.in_service, available_versions(self._features, request))
        return inference_pb2.RollbackModelResponse(model=model_to(registered))
