"""The door to the features service."""

from dataclasses import dataclass

import grpc
from reclass.features.v1 import features_pb2 as pb
from reclass.features.v1 import features_pb2_grpc

from portal.remote.audio import AudioSource, Heard, heard, kind_name, reference
from portal.remote.calls import translated

# Reading a long file over a slow link and decoding it; a hung call is given up, not a slow one.
EXTRACT_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Capability:
    """One kind of vector, and whether it can be made at present."""

    kind: str
    available: bool
    version: str
    detail: str


class FeaturesClient:
    """Typed calls; every failure is a `RemoteError`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = features_pb2_grpc.FeatureServiceStub(channel)

    def extract(self, source: AudioSource) -> Heard:
        """Listen to a song."""
        with translated("features"):
            answer = self._stub.Extract(
                pb.ExtractRequest(audio=reference(source)), timeout=EXTRACT_TIMEOUT_SECONDS
            )
        return heard(answer.content_key, answer.properties, answer.tags, answer.vectors)

    def capabilities(self, *, timeout_seconds: float = 10.0) -> tuple[list[Capability], list[str]]:
        """The kinds of vectors, and the folders whose files may be read."""
        with translated("features"):
            answer = self._stub.GetCapabilities(pb.GetCapabilitiesRequest(), timeout=timeout_seconds)
        kinds = [
            Capability(
                kind=kind_name(each.kind), available=each.available, version=each.version, detail=each.detail
            )
            for each in answer.kinds
        ]
        return kinds, list(answer.media_folders)
