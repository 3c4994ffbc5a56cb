"""Asks the features service: for the vectors of one song, and which feature versions it computes now."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from reclass.features.v1 import features_pb2, features_pb2_grpc
from reclass.inference.v1 import inference_pb2
from runtime.errors import RemoteError, ServiceError
from runtime.streams import Caller
from runtime.telemetry import get_logger

from inference.classify.stages import VectorKind
from inference.classify.verdicts import ExtractionResult, MissingVector
from inference.errors import FeaturesRefusedError, FeaturesTimedOutError, FeaturesUnavailableError
from inference.rpc.kinds import kind_from, kinds_to
from inference.rpc.messages import vectors_from
from inference.serving.lifecycle import AvailableVersions

if TYPE_CHECKING:  # grpc's classes take type arguments in their stubs only
    Extraction = grpc.Future[features_pb2.ExtractResponse]

log = get_logger(__name__)
CAPABILITIES_SECONDS = 5.0
REFUSALS = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
SwitchRequest = inference_pb2.PromoteModelRequest | inference_pb2.RollbackModelRequest


@dataclass(kw_only=True)
class FeaturesClient:
    """Extracts the features of one audio; what features says of it besides the vectors is kept for the answer."""

    stub: features_pb2_grpc.FeatureServiceStub
    audio: features_pb2.AudioReference
    options: inference_pb2.ClassifyOptions
    timeout_seconds: float
    caller: Caller
    first: features_pb2.ExtractResponse | None = field(default=None, init=False)
    """The first answer, if any audio was read."""

    def __call__(self, kinds: Sequence[VectorKind]) -> ExtractionResult:
        """Vectors of these kinds; raises RemoteError with features' own code and reason, or an error of our own."""
        request = features_pb2.ExtractRequest(
            audio=self.audio,
            kinds=kinds_to(kinds),
            path_mappings=self.options.path_mappings,
            excerpt=self.options.excerpt,
            compute=self.options.compute if self.options.HasField("compute") else None,
        )
        response = result_of(
            self.stub.Extract.future(
                request, timeout=self.timeout_seconds, wait_for_ready=self.options.wait_for_features
            ),
            self.caller,
        )
        self.first = self.first or response
        return ExtractionResult(
            vectors=vectors_from(response.vectors),
            missing=tuple(
                MissingVector(kind=kind_from(gap.kind), permanent=gap.permanent, message=gap.message)
                for gap in response.missing
            ),
        )


def result_of(call: "Extraction", caller: Caller) -> features_pb2.ExtractResponse:
    """The answer of a call to features, which ends when the caller goes away."""
    try:
        with caller.waiting_for(call):
            return call.result()
    except grpc.FutureCancelledError as error:
        raise RemoteError(code=grpc.StatusCode.CANCELLED, message="the caller went away") from error
    except grpc.RpcError as error:
        raise as_own_error(RemoteError.from_rpc(error)) from error


def as_own_error(error: RemoteError) -> RemoteError | ServiceError:
    """What features says of a song as it is; what it does not say, or says of this service, as our own error."""
    if error.domain == "reclass" and error.code in REFUSALS:
        return FeaturesRefusedError(
            f"the features service refuses the inference service ({error.message}): INFERENCE_FEATURES_TOKEN is to be "
            "the token that it asks for"
        )
    if error.domain:
        return error
    if error.code is grpc.StatusCode.UNAVAILABLE:
        return FeaturesUnavailableError(
            f"the features service, which extracts features from songs, does not answer ({error.message}): start it, "
            "or see its log. Vectors that are sent are classified without it"
        )
    if error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return FeaturesTimedOutError(
            "the features service did not answer in the time that there was for this song: try again, or raise the "
            "deadline of the call or INFERENCE_EXTRACT_TIMEOUT_SECONDS"
        )
    return error


def available_versions(
    stub: features_pb2_grpc.FeatureServiceStub, request: SwitchRequest
) -> AvailableVersions:
    """The feature versions that features computes and the caller stores.

    A silent features is no hindrance: a bad model must be taken back. Raises RemoteError for a question that makes no
    sense: without its answer any model would do.
    """
    stored = frozenset(request.vector_versions)
    question = features_pb2.GetCapabilitiesRequest(
        excerpt=request.excerpt, compute=request.compute if request.HasField("compute") else None
    )
    try:
        capabilities = stub.GetCapabilities(question, timeout=CAPABILITIES_SECONDS)
    except grpc.RpcError as error:
        failure = RemoteError.from_rpc(error)
        if failure.code is grpc.StatusCode.INVALID_ARGUMENT:
            raise failure from error
        log.warning("features was not asked what it computes", because=failure.code.name)
        return AvailableVersions(current={}, stored=stored)
    current = {kind_from(kind.kind): kind.version for kind in capabilities.kinds if kind.version}
    return AvailableVersions(current=current, stored=stored)
