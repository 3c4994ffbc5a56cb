"""FeatureService over gRPC."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from reclass.features.v1 import features_pb2, features_pb2_grpc
from runtime.errors import ServiceError

from features import messages
from features.caller import Caller
from features.errors import TooManyStreamsError
from features.extractor import Extractor
from features.streaming import SongStream, StreamLimits

# What is left of a caller's time for the answer to reach him.
ANSWERING_SECONDS = 0.5


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
        self._max_streams = max_streams
        self._streams = threading.BoundedSemaphore(max_streams)

    def Extract(
        self, request: features_pb2.ExtractRequest, context: grpc.ServicerContext
    ) -> features_pb2.ExtractResponse:
        return self._extracted(request, caller_of(context))

    def ExtractMany(
        self, request_iterator: Iterator[features_pb2.ExtractManyRequest], context: grpc.ServicerContext
    ) -> Iterator[features_pb2.ExtractManyResponse]:
        with self._place_of_stream():
            caller = caller_of(context)
            stream: SongStream[features_pb2.ExtractManyRequest, features_pb2.ExtractManyResponse] = (
                SongStream(
                    hear=lambda request: self._answer(request, caller),
                    size=lambda request: len(request.song.audio.content),
                    limits=self._stream_limits,
                )
            )
            when_gone(context, stream)
            yield from stream.answers(request_iterator)

    def GetCapabilities(
        self, request: features_pb2.GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> features_pb2.GetCapabilitiesResponse:
        excerpt, options = messages.excerpt(request.excerpt), messages.compute_options(request.compute)
        left = context.time_remaining()
        patience = None if left is None else max(0.0, left - ANSWERING_SECONDS)
        found = self._extractor.capabilities(excerpt, options.load, patience)
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

    @contextmanager
    def _place_of_stream(self) -> Iterator[None]:
        if not self._streams.acquire(blocking=False):
            raise TooManyStreamsError(
                f"{self._max_streams} ExtractMany streams are open, as many as this service takes: try again when one "
                "has ended, or send the songs through one that is open (FEATURES_MAX_STREAMS raises the limit)"
            )
        try:
            yield
        finally:
            self._streams.release()


def caller_of(context: grpc.ServicerContext) -> Caller:
    """Whoever waits for the answer to this call."""
    caller = Caller(context.time_remaining)
    if not context.add_callback(caller.leave):
        caller.leave()
    return caller


def when_gone(context: grpc.ServicerContext, stream: SongStream[Any, Any]) -> None:
    """End the stream when its caller goes away, also when that was before now."""
    if not context.add_callback(stream.cancel):
        stream.cancel()
