"""Asks the features service for the vectors of one song."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import grpc
from reclass.features.v1 import features_pb2, features_pb2_grpc
from runtime.errors import RemoteError

from inference.converters import vectors_from
from inference.progressive import Heard, MissingVector
from inference.stages import VectorKind


@dataclass(kw_only=True)
class Listener:
    """Hears one audio; what features says of it besides the vectors is kept for the answer."""

    stub: features_pb2_grpc.FeatureServiceStub
    audio: features_pb2.AudioReference
    path_mappings: Iterable[features_pb2.PathMapping]
    timeout_seconds: float
    first: features_pb2.ExtractResponse | None = field(default=None, init=False)
    """The first answer, if any audio was read."""

    def __call__(self, kinds: Sequence[VectorKind]) -> Heard:
        """Vectors of these kinds; raises RemoteError with features' own code and reason."""
        request = features_pb2.ExtractRequest(
            audio=self.audio,
            kinds=[features_pb2.VectorKind.ValueType(kind) for kind in kinds],
            path_mappings=self.path_mappings,
        )
        try:
            response = self.stub.Extract(request, timeout=self.timeout_seconds)
        except grpc.RpcError as error:
            raise RemoteError.from_rpc(error) from error
        self.first = self.first or response
        return Heard(
            vectors=vectors_from(response.vectors),
            missing=tuple(
                MissingVector(kind=VectorKind(gap.kind), permanent=gap.permanent, message=gap.message)
                for gap in response.missing
            ),
        )
