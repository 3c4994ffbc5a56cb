"""One request for a genre: the vote that it begins, and the answer that it gets."""

from collections.abc import Sequence
from dataclasses import dataclass

from reclass.features.v1 import features_pb2_grpc
from reclass.inference.v1 import inference_pb2
from runtime.streams import Caller

from inference.classify.progressive import Vote
from inference.classify.song_vectors import SongVectors
from inference.classify.verdicts import BrokenHead, InstalledHead
from inference.errors import ContentTooLargeError
from inference.rpc.features_client import FeaturesClient
from inference.rpc.messages import rule_from, vectors_from, write_classification
from inference.serving.heads import Heads

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class PendingClassification:
    """A vote on one request, and the client by which it extracts features."""

    vote: Vote
    features: FeaturesClient | None

    def answer(self) -> inference_pb2.ClassifyTrackResponse:
        """The response; raises what no vote survives."""
        response = inference_pb2.ClassifyTrackResponse()
        self.write_answer(response)
        return response

    def write_answer(self, response: inference_pb2.ClassifyTrackResponse) -> None:
        """Fill in the response; raises what no vote survives."""
        write_classification(self.vote.result(), response)
        if self.features and self.features.first:
            extraction = self.features.first
            response.content_key = extraction.content_key
            response.properties.CopyFrom(extraction.properties)
            response.tags.CopyFrom(extraction.tags)


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """Begins the vote on a request; the same for a single call and for a song of a stream."""

    heads: Heads
    features: features_pb2_grpc.FeatureServiceStub
    extract_timeout_seconds: float
    max_content_bytes: int

    def begin(
        self,
        request: inference_pb2.ClassifyTrackRequest,
        caller: Caller,
        heads: Sequence[InstalledHead | BrokenHead] | None = None,
    ) -> PendingClassification:
        """The vote on a request, of those heads that serve now where none are given; raises what is wrong with it."""
        client = self._client(request, caller)
        song = SongVectors(sent=vectors_from(request.vectors), extract=client)
        installed = self.heads.installed() if heads is None else heads
        vote = Vote(heads=installed, song=song, rule=rule_from(request.options))
        return PendingClassification(vote=vote, features=client)

    def _client(self, request: inference_pb2.ClassifyTrackRequest, caller: Caller) -> FeaturesClient | None:
        if request.audio.WhichOneof("source") is None:
            return None
        self._check_size(request)
        # Never longer than the caller waits, who is to be told what became of the song.
        left = caller.seconds_for_work()
        seconds = self.extract_timeout_seconds
        return FeaturesClient(
            stub=self.features,
            audio=request.audio,
            options=request.options,
            timeout_seconds=seconds if left is None else min(seconds, left),
            caller=caller,
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
