"""FeatureService over gRPC."""

import grpc
from reclass.features.v1 import features_pb2, features_pb2_grpc

from features import conversion
from features.pool import ExtractionPool
from features.source import AudioSources


class FeatureServicer(features_pb2_grpc.FeatureServiceServicer):
    """Converts, calls, converts."""

    def __init__(
        self, *, sources: AudioSources, pool: ExtractionPool, media_folders: tuple[str, ...]
    ) -> None:
        self._sources = sources
        self._pool = pool
        self._media_folders = media_folders

    def Extract(
        self, request: features_pb2.ExtractRequest, context: grpc.ServicerContext
    ) -> features_pb2.ExtractResponse:
        wanted = conversion.kinds(request)
        audio, mappings = conversion.reference(request.audio), conversion.mappings(request)
        known, part = conversion.known_keys(request), conversion.part(request.excerpt)
        device = conversion.compute(request.compute).device
        with self._sources.opened(audio, mappings, context.time_remaining()) as path:
            future = self._pool.schedule(path, with_fma=conversion.FMA in wanted, part=part, known_keys=known)
            if not context.add_callback(future.cancel):
                future.cancel()  # type: ignore[no-untyped-call] # the caller went away while the audio was fetched
            extraction = self._pool.wait(future, context.time_remaining())
        return conversion.response(extraction, wanted, part, device)

    def GetCapabilities(
        self, request: features_pb2.GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> features_pb2.GetCapabilitiesResponse:
        return features_pb2.GetCapabilitiesResponse(
            kinds=conversion.capabilities(
                conversion.part(request.excerpt), conversion.compute(request.compute).device
            ),
            media_folders=self._media_folders,
            path_mappings_locked=self._sources.has_own_mappings,
            processes=self._pool.processes,
        )
