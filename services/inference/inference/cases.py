"""One request for a genre: the vote that it begins, and the answer that it gets."""

from dataclasses import dataclass

from reclass.features.v1 import features_pb2_grpc
from reclass.inference.v1 import inference_pb2

from inference.converters import classification_to, rule_from, vectors_from
from inference.errors import ContentTooLargeError
from inference.heads import Heads
from inference.hearing import Song
from inference.listening import CallsInFlight, Listener
from inference.progressive import Vote

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Case:
    """A vote on one request, and the ear that it listens with."""

    vote: Vote
    listener: Listener | None

    def answer(self) -> inference_pb2.ClassifyTrackResponse:
        """The response; raises what no vote survives."""
        response = classification_to(self.vote.result())
        if self.listener and self.listener.first:
            heard = self.listener.first
            response.content_key = heard.content_key
            response.properties.CopyFrom(heard.properties)
            response.tags.CopyFrom(heard.tags)
        return response


@dataclass(frozen=True, kw_only=True)
class Cases:
    """Begins the vote on a request; the same for a single call and for a song of a stream."""

    heads: Heads
    features: features_pb2_grpc.FeatureServiceStub
    extract_timeout_seconds: float
    max_content_bytes: int

    def open(
        self, request: inference_pb2.ClassifyTrackRequest, calls: CallsInFlight, seconds_left: float | None
    ) -> Case:
        """The vote on a request; raises what is wrong with it."""
        listener = self._listener(request, calls, seconds_left)
        song = Song(sent=vectors_from(request.vectors), hear=listener)
        vote = Vote(heads=self.heads.installed(), song=song, rule=rule_from(request.options))
        return Case(vote=vote, listener=listener)

    def _listener(
        self, request: inference_pb2.ClassifyTrackRequest, calls: CallsInFlight, left: float | None
    ) -> Listener | None:
        if request.audio.WhichOneof("source") is None:
            return None
        self._check_size(request)
        return Listener(
            stub=self.features,
            audio=request.audio,
            options=request.options,
            # Never longer than the caller waits.
            timeout_seconds=min(self.extract_timeout_seconds, left or self.extract_timeout_seconds),
            calls=calls,
        )

    def _check_size(self, request: inference_pb2.ClassifyTrackRequest) -> None:
        size = content_bytes(request)
        if size > self.max_content_bytes:
            raise ContentTooLargeError(
                f"the file has {size / MEBIBYTE:.1f} MiB, and at most {self.max_content_bytes / MEBIBYTE:.1f} MiB "
                "are taken: send its path or its rating key instead, or raise INFERENCE_MAX_CONTENT_BYTES"
            )


def content_bytes(request: inference_pb2.ClassifyTrackRequest) -> int:
    """Size of the file that a request carries."""
    return len(request.audio.content)
