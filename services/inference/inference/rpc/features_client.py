"""Asks the features service for the vectors of one song."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from reclass.features.v1 import features_pb2, features_pb2_grpc
from reclass.inference.v1 import inference_pb2
from runtime.errors import RemoteError, ServiceError

from inference.classify.stages import VectorKind
from inference.classify.verdicts import Heard, MissingVector
from inference.errors import FeaturesRefusedError, FeaturesTimedOutError, FeaturesUnavailableError
from inference.rpc.messages import vectors_from

if TYPE_CHECKING:  # grpc's classes take type arguments in their stubs only
    Extraction = grpc.Future[features_pb2.ExtractResponse]


class CallsInFlight:
    """Calls to features on behalf of one caller: when that goes away, they are cancelled and no new ones begin."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: set[Extraction] = set()
        self._cancelled = False

    def wait_for(self, begin: "Callable[[], Extraction]") -> features_pb2.ExtractResponse:
        """The answer of the call that `begin` begins; raises RemoteError with the other side's code and reason.

        A features that says nothing itself is one of this service's own errors.
        """
        with self._lock:
            if self._cancelled:
                raise caller_gone()
            call = begin()
            self._calls.add(call)
        try:
            return call.result()
        except grpc.FutureCancelledError as error:
            raise caller_gone() from error
        except grpc.RpcError as error:
            raise named(RemoteError.from_rpc(error)) from error
        finally:
            with self._lock:
                self._calls.discard(call)

    def cancel(self) -> None:
        """Nobody waits for the answers any more."""
        with self._lock:
            self._cancelled = True
            calls = list(self._calls)
        for call in calls:
            call.cancel()


def caller_gone() -> RemoteError:
    return RemoteError(code=grpc.StatusCode.CANCELLED, message="the caller went away")


def named(error: RemoteError) -> RemoteError | ServiceError:
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
            f"the features service, which listens to songs, does not answer ({error.message}): start it, or see its "
            "log. Vectors that are sent are judged without it"
        )
    if error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return FeaturesTimedOutError(
            "the features service did not answer in the time that there was for this song: try again, or raise the "
            "deadline of the call or INFERENCE_EXTRACT_TIMEOUT_SECONDS"
        )
    return error


REFUSALS = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


@dataclass(kw_only=True)
class Listener:
    """Hears one audio; what features says of it besides the vectors is kept for the answer."""

    stub: features_pb2_grpc.FeatureServiceStub
    audio: features_pb2.AudioReference
    options: inference_pb2.ClassifyOptions
    timeout_seconds: float
    calls: CallsInFlight = field(default_factory=CallsInFlight)
    first: features_pb2.ExtractResponse | None = field(default=None, init=False)
    """The first answer, if any audio was read."""

    def __call__(self, kinds: Sequence[VectorKind]) -> Heard:
        """Vectors of these kinds; raises RemoteError with features' own code and reason."""
        request = features_pb2.ExtractRequest(
            audio=self.audio,
            kinds=[features_pb2.VectorKind.ValueType(kind) for kind in kinds],
            path_mappings=self.options.path_mappings,
            excerpt=self.options.excerpt,
            compute=self.options.compute if self.options.HasField("compute") else None,
        )
        response = self.calls.wait_for(
            lambda: self.stub.Extract.future(
                request, timeout=self.timeout_seconds, wait_for_ready=self.options.wait_for_features
            )
        )
        self.first = self.first or response
        return Heard(
            vectors=vectors_from(response.vectors),
            missing=tuple(
                MissingVector(kind=VectorKind(gap.kind), permanent=gap.permanent, message=gap.message)
                for gap in response.missing
            ),
        )
