"""One request for a genre: the vote that it begins, and the answer that it gets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reclass.features.v1 import features_pb2_grpc
from reclass.inference.v1 import inference_pb2

from inference.classify.progressive import Vote
from inference.classify.song_vectors import Song
from inference.classify.verdicts import BrokenHead, InstalledHead
from inference.errors import ContentTooLargeError
from inference.rpc.features_client import CallsInFlight, Listener
from inference.rpc.messages import rule_from, vectors_from, write_classification
from inference.serving.heads import Heads

MEBIBYTE = 1024 * 1024
ANSWERING_SECONDS = 0.5
ANSWERING_SHARE = 0.1
"""What is left of a caller's time for the answer to reach him: the smaller of both."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A vote on one request, and the ear that it listens with."""

    vote: Vote
    listener: Listener | None

    def answer(self) -> inference_pb2.ClassifyTrackResponse:
        """The response; raises what no vote survives."""
        response = inference_pb2.ClassifyTrackResponse()
        self.write_answer(response)
        return response

    def write_answer(self, response: inference_pb2.ClassifyTrackResponse) -> None:
        """Fill in the response; raises what no vote survives."""
        write_classification(self.vote.result(), response)
        if self.listener and self.listener.first:
            heard = self.listener.first
            response.content_key = heard.content_key
            response.properties.CopyFrom(heard.properties)
            response.tags.CopyFrom(heard.tags)


@dataclass(frozen=True, kw_only=True)
class Cases:
    """Begins the vote on a request; the same for a single call and for a song of a stream."""

    heads: Heads
    features: features_pb2_grpc.FeatureServiceStub
    extract_timeout_seconds: float
    max_content_bytes: int

    def open(
        self,
        request: inference_pb2.ClassifyTrackRequest,
        calls: CallsInFlight,
        seconds_left: float | None,
        heads: Sequence[InstalledHead | BrokenHead] | None = None,
    ) -> Case:
        """The vote on a request, of those heads that serve now where none are given; raises what is wrong with it."""
        listener = self._listener(request, calls, seconds_left)
        song = Song(sent=vectors_from(request.vectors), hear=listener)
        installed = self.heads.installed() if heads is None else heads
        vote = Vote(heads=installed, song=song, rule=rule_from(request.options))
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
            timeout_seconds=self._seconds(left),
            calls=calls,
        )

    def _seconds(self, left: float | None) -> float:
        """How long features may take: never longer than the caller waits, who is to hear what became of it."""
        if left is None:
            return self.extract_timeout_seconds
        return min(self.extract_timeout_seconds, left - min(ANSWERING_SECONDS, ANSWERING_SHARE * left))

    def _check_size(self, request: inference_pb2.ClassifyTrackRequest) -> None:
        size = content_bytes(request)
        if size > self.max_content_bytes:
            raise ContentTooLargeError(
                f"the file has {size / MEBIBYTE:.1f} MiB, and at most {self.max_content_bytes / MEBIBYTE:.1f} MiB "
                "are taken: send its path or its rating key instead, or raise INFERENCE_MAX_CONTENT_BYTES"
            )


@dataclass(kw_only=True)
class Sitting:
    """The votes on the songs of one stream; what serves is looked at once for those that have arrived together."""

    cases: Cases
    calls: CallsInFlight
    seconds_left: Callable[[], float | None]
    serving: Sequence[InstalledHead | BrokenHead] = ()

    def look(self) -> None:
        """See what serves now."""
        # A look at the disk lets the thread that reads the stream take over, which costs more than the look.
        self.serving = self.cases.heads.installed()

    def begin(self, request: inference_pb2.ClassifyTracksRequest) -> Case:
        """The vote on a song; raises what is wrong with its request."""
        return self.cases.open(request.track, self.calls, self.seconds_left(), self.serving)


def content_bytes(request: inference_pb2.ClassifyTrackRequest) -> int:
    """Size of the file that a request carries."""
    return len(request.audio.content)
