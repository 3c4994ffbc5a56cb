"""What can go wrong in the inference service, each with its status code and the reason that programs read."""

from typing import ClassVar

import grpc
from runtime.errors import ServiceError


class InferenceError(ServiceError):
    """Root of this service's errors."""

    domain: ClassVar[str] = "reclass.inference"


class InvalidRequestError(InferenceError):
    """A field is missing or outside of what is allowed."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"


class AudioRequiredError(InferenceError):
    """Vectors are missing and there is no audio to compute them from."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "AUDIO_REQUIRED"


class VectorInvalidError(InferenceError):
    """A vector has a wrong length or value, contradicts another of its kind, or is of a version unlike the model's."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "VECTOR_INVALID"


class FeaturesUnavailableError(InferenceError):
    """The features service does not answer; a song whose features are missing has to wait for it."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "FEATURES_UNAVAILABLE"


class FeaturesTimedOutError(InferenceError):
    """The features service did not answer for one song in the time that there was."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = "FEATURES_TIMED_OUT"


class FeaturesRefusedError(InferenceError):
    """The features service refuses this service: its caller's own token is not at fault."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "FEATURES_REFUSED"
    permanent = False  # its operator puts the token right, and the song is as it was


class VectorMissingError(InferenceError):
    """The audio is there, and the vector that the first stage needs could not be computed this time."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "VECTOR_MISSING"


class ContentTooLargeError(InferenceError):
    """A file was sent that has more bytes than are taken."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "CONTENT_TOO_LARGE"
    permanent = True  # it has as many bytes the next time


class TooManyCallsError(InferenceError):
    """As many calls are in the works as this service takes."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "TOO_MANY_CALLS"


class TooFewSongsError(InferenceError):
    """There is too little to learn from."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "TOO_FEW_SONGS"


class TooFewGenresError(InferenceError):
    """Fewer than two genres can be learned."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "TOO_FEW_GENRES"


class TrainingRunningError(InferenceError):
    """One training at a time."""

    code = grpc.StatusCode.ABORTED
    reason = "TRAINING_RUNNING"


class TrainingCrashedError(InferenceError):
    """The process that trains ended without a result."""

    code = grpc.StatusCode.INTERNAL
    reason = "TRAINING_CRASHED"


class ModelBrokenError(InferenceError):
    """A model version on disk is damaged or cannot be loaded."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "MODEL_BROKEN"


class NoModelError(InferenceError):
    """No trained model is in service."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "NO_MODEL"


class ModelUnknownError(InferenceError):
    """There is no model of that name."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "MODEL_UNKNOWN"


class ModelOutdatedError(InferenceError):
    """A model has learned from vectors of another feature version than features makes now."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "MODEL_OUTDATED"


class NoEarlierModelError(InferenceError):
    """There is nothing to roll back to."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "NO_EARLIER_MODEL"


class RepositoryUnwritableError(InferenceError):
    """The model repository cannot be written: a full disk, a read-only volume, missing rights."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "REPOSITORY_UNWRITABLE"
    permanent = False  # a disk is emptied, a volume mounted anew


class FolderUnwritableError(InferenceError):
    """The callers, or the songs of a training, cannot be kept."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "FOLDER_UNWRITABLE"


class TritonUnavailableError(InferenceError):
    """Triton does not answer."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "TRITON_UNAVAILABLE"
