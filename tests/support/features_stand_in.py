"""A stand-in for features: real gRPC, vectors that a test has put there."""

import threading
from collections.abc import Mapping, Sequence
from functools import partial

import grpc
import numpy as np
from reclass.features.v1 import features_pb2, features_pb2_grpc
from runtime.errors import ServiceError
from wire import packed

NAME = "reclass.features.v1.FeatureService"


class FeaturesStandIn(features_pb2_grpc.FeatureServiceServicer):
    """Answers Extract from `audio`: by path, the vectors of each kind. Tests change its fields between calls."""

    def __init__(self) -> None:
        self.audio: dict[str, Mapping[int, np.ndarray]] = {}
        self.version = "test/1"
        self.makes: dict[int, str] = {}
        """What it says that it makes, by kind; of others nothing is known."""
        self.refusals: dict[str, ServiceError] = {}
        self.missing: Sequence[features_pb2.MissingVector] = ()
        self.requests: list[features_pb2.ExtractRequest] = []
        self.held: dict[str, threading.Event] = {}
        """By path: an answer that waits for this."""
        self.given_up: list[str] = []
        """Paths whose caller went away before the answer."""

    def services(self) -> dict[str, partial[None]]:
        """What runtime's server takes."""
        return {NAME: partial(features_pb2_grpc.add_FeatureServiceServicer_to_server, self)}

    def Extract(
        self, request: features_pb2.ExtractRequest, context: grpc.ServicerContext
    ) -> features_pb2.ExtractResponse:
        self.requests.append(request)
        path = request.audio.path
        if path in self.held:
            self._hold(path, context)
        if path in self.refusals:
            raise self.refusals[path]
        vectors = self.audio[path or f"{len(request.audio.content)} bytes"]
        missing = [gap for gap in self.missing if gap.kind in request.kinds]
        absent = {gap.kind for gap in missing}
        return features_pb2.ExtractResponse(
            content_key=f"key of {path}",
            properties=features_pb2.AudioProperties(codec="flac", duration_seconds=40.0),
            tags=features_pb2.FileTags(artist="Somebody", genres=["Jazz"]),
            vectors=[
                features_pb2.Vector(kind=kind, version=self.version, values=packed(vectors[kind]))
                for kind in request.kinds
                if kind not in absent
            ],
            missing=missing,
        )

    def GetCapabilities(
        self, request: features_pb2.GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> features_pb2.GetCapabilitiesResponse:
        kinds = [
            features_pb2.VectorCapability(kind=kind, available=True, version=version)  # type: ignore[arg-type]
            for kind, version in self.makes.items()
        ]
        return features_pb2.GetCapabilitiesResponse(kinds=kinds)

    def _hold(self, path: str, context: grpc.ServicerContext) -> None:
        gate = self.held[path]

        def give_up() -> None:
            if not gate.is_set():
                self.given_up.append(path)
                gate.set()

        context.add_callback(give_up)
        gate.wait()
