"""FeatureService over gRPC."""

from collections.abc import Iterator
from functools import partial

import grpc
from reclass.features.v1 import features_pb2, features_pb2_grpc
from runtime.errors import ServiceError
from runtime.streams import (
    AdmissionLimit,
    Caller,
    SongStream,
    StreamLimits,
    caller_of,
    each_in_a_thread,
    when_gone,
)

from features import messages
from features.errors import TooManyStreamsError
from features.extractor import Extractor


class FeatureServicer(features_pb2_grpc.FeatureServiceServicer):
    """Converts, calls, converts."""

    def __init__(
        self,
        *,
        extractor: Extractor,
        media_folders: tuple[str, ...],
        stream_limits: StreamLimits,
        max_streams: int,
    ) -> None:
        self._extractor = extractor
        self._media_folders = media_folders
        self._stream_limits = stream_limits
        self._streams = AdmissionLimit(max_streams, partial(_too_many_streams, max_streams))

    def Extract(
        self, request: features_pb2.ExtractRequest, context: grpc.ServicerContext
    ) -> features_pb2.ExtractResponse:
        with caller_of(context) as caller:
            return self._extracted(request, caller)

    def ExtractMany(
        self, request_iterator: Iterator[features_pb2.ExtractManyRequest], context: grpc.ServicerContext
    ) -> Iterator[features_pb2.ExtractManyResponse]:
        with self._streams.admit(), caller_of(context) as caller:
            stream: SongStream[features_pb2.ExtractManyRequest, features_pb2.ExtractManyResponse] = (
                SongStream(
                    begin=each_in_a_thread(lambda request: self._answer(request, caller)),
                    size=features_pb2.ExtractManyRequest.ByteSize,
                    limits=self._stream_limits,
                )
            )
            when_gone(context, stream.cancel)
            yield from stream.answers(request_iterator)

    def GetCapabilities(
        self, request: features_pb2.GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> features_pb2.GetCapabilitiesResponse:
        excerpt, options = messages.excerpt(request.excerpt), messages.compute_options(request.compute)
        with caller_of(context) as caller:
            found = self._extractor.capabilities(excerpt, options.load, caller.seconds_for_work())
        return features_pb2.GetCapabilitiesResponse(
            kinds=messages.capabilities(found),
            media_folders=self._media_folders,
            path_mappings_locked=self._extractor.has_own_mappings,
            processes=self._extractor.songs_at_once(found),
        )

    def _extracted(
        self, request: features_pb2.ExtractRequest, caller: Caller
    ) -> features_pb2.ExtractResponse:
        return messages.response(self._extractor.extract(messages.extraction_request(request), caller))

    def _answer(
        self, request: features_pb2.ExtractManyRequest, caller: Caller
    ) -> features_pb2.ExtractManyResponse:
        try:
            return features_pb2.ExtractManyResponse(
                key=request.key, extraction=self._extracted(request.song, caller)
            )
        except ServiceError as error:
            return features_pb2.ExtractManyResponse(key=request.key, error=messages.error(error))


def _too_many_streams(limit: int) -> TooManyStreamsError:
    return TooManyStreamsError(
        f"{limit} ExtractMany streams are open, as many as this service takes: try again when one "
        "has ended, or send the songs through one that is open (FEATURES_MAX_STREAMS raises the limit)"
    )
