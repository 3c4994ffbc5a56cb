"""Between the messages about models and the values of this service."""

from collections.abc import Sequence

from reclass.inference.v1 import inference_pb2
from runtime.messages import message_of

from inference.classify.stages import has_random_weights
from inference.errors import InvalidRequestError
from inference.jobs.training_job import Promotion
from inference.registry.model_files import PictureFile
from inference.registry.models import ModelState, RegisteredModel

STATES = {
    ModelState.CANDIDATE: inference_pb2.MODEL_STATE_CANDIDATE,
    ModelState.IN_SERVICE: inference_pb2.MODEL_STATE_IN_SERVICE,
    ModelState.RETIRED: inference_pb2.MODEL_STATE_RETIRED,
}
PROMOTIONS = {
    inference_pb2.PROMOTION_UNSPECIFIED: Promotion.IF_BETTER,
    inference_pb2.PROMOTION_IF_BETTER: Promotion.IF_BETTER,
    inference_pb2.PROMOTION_NEVER: Promotion.NEVER,
    inference_pb2.PROMOTION_ALWAYS: Promotion.ALWAYS,
}


def promotion_from(options: inference_pb2.TrainOptions) -> Promotion:
    """What a training does with its model; raises InvalidRequestError."""
    if options.promotion not in PROMOTIONS:
        raise InvalidRequestError(f"promotion is {options.promotion}, which this service does not know")
    return PROMOTIONS[options.promotion]


def model_to(registered: RegisteredModel) -> inference_pb2.Model:
    """The message of a model."""
    model = registered.model
    return message_of(
        inference_pb2.Model,
        model,
        state=STATES[registered.state],
        feature_versions=model.feature_versions.values(),
        create_time=model.created_time,
        promote_time=registered.promoted_time,
        comparison=message_of(inference_pb2.Comparison, model.comparison) if model.comparison else None,
        held_out=message_of(inference_pb2.HeldOut, model.held_out),
        random_weights=any(map(has_random_weights, model.feature_versions.values())),
    )


def picture_to(picture: PictureFile) -> inference_pb2.Picture:
    """The message of a picture, with its bytes."""
    return message_of(inference_pb2.Picture, picture, content=picture.path.read_bytes())


def page_of(
    models: Sequence[RegisteredModel], request: inference_pb2.ListModelsRequest, previous: str
) -> inference_pb2.ListModelsResponse:
    """A page of the list; its token is the name of the last model of the page before. A rollback goes to `previous`."""
    if request.page_size < 0:
        raise InvalidRequestError(f"page_size is {request.page_size}; it must not be negative")
    names = [registered.model.name for registered in models]
    if request.page_token and request.page_token not in names:
        raise InvalidRequestError("page_token names no model that is registered: list from the beginning")
    first = names.index(request.page_token) + 1 if request.page_token else 0
    page = models[first : first + request.page_size] if request.page_size else models[first:]
    more = first + len(page) < len(models)
    return inference_pb2.ListModelsResponse(
        models=[model_to(registered) for registered in page],
        next_page_token=page[-1].model.name if more and page else "",
        rollback_model=previous,
    )
