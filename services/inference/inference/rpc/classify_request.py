"""Requests for a genre, alone or in a stream: the vote that each begins, and the answer that it gets.

Those of a stream that arrive together share their calls of Triton.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from reclass.features.v1 import features_pb2_grpc
from reclass.inference.v1 import inference_pb2
from runtime.errors import RemoteError, ServiceError
from runtime.streams import Caller, Submit
from runtime.telemetry import get_logger

from inference.classify.asking_stages import STAGE_FAILURES, FoldOf, HeadQuery, Vote
from inference.classify.batching import Predict, predict_batch, run_to_end
from inference.classify.song_vectors import ExtractionQuery, SongVectors
from inference.classify.verdicts import BrokenHead, InstalledHead
from inference.errors import ContentTooLargeError, ModelBrokenError, NoModelError
from inference.rpc.decision_request import check_evidence, decide_song
from inference.rpc.features_client import FeaturesClient
from inference.rpc.messages import rule_from, song_error_to, vectors_from, write_classification
from inference.serving.heads import Heads
from inference.serving.lifecycle import Models

log = get_logger(__name__)
MEBIBYTE = 1024 * 1024
DECIDED = (inference_pb2.OUTCOME_CLASSIFIED, inference_pb2.OUTCOME_PROVISIONAL)
Request = inference_pb2.ClassifyTracksRequest
Response = inference_pb2.ClassifyTracksResponse


@dataclass(frozen=True, kw_only=True)
class PendingClassification:
    """A vote on one request, and the client by which it extracts features."""

    vote: Vote
    features: FeaturesClient | None
    evidence: inference_pb2.TrackEvidence | None
    """What else is known of the song."""
    models: Models

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
        self._decide(response)

    def _decide(self, response: inference_pb2.ClassifyTrackResponse) -> None:
        """Add the decision where evidence was sent; the verdict stands also where there can be none."""
        means_something = response.outcome in DECIDED and not response.random_weights
        if self.evidence is None or not means_something:
            return
        song = inference_pb2.SongEvidence(
            model_version=response.model_version, sound=response.sound, content_key=response.content_key
        )
        try:
            decision = decide_song(self.models, self.evidence, song)
        except (ModelBrokenError, NoModelError) as error:
            log.warning("a song is answered without a decision", because=str(error))
            return
        if decision is not None:
            response.decision.CopyFrom(decision)


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """Begins the vote on a request; the same for a single call and for a song of a stream."""

    heads: Heads
    models: Models
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
        vote = Vote(
            heads=installed,
            song=song,
            rule=rule_from(request.options),
            fold_of=self._fold_of(request),
        )
        evidence = request.evidence if request.HasField("evidence") else None
        if evidence is not None:
            check_evidence(evidence)
        return PendingClassification(vote=vote, features=client, evidence=evidence, models=self.models)

    def _fold_of(self, request: inference_pb2.ClassifyTrackRequest) -> FoldOf | None:
        if not (request.artist or request.album_artist):
            return None
        return partial(self.heads.fold_of, artist=request.artist, album_artist=request.album_artist)

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


@dataclass(frozen=True, kw_only=True)
class StreamSession:
    """Begins the votes on the songs of one stream."""

    classifier: Classifier
    predict: Predict
    caller: Caller

    def begin(
        self, requests: Sequence[Request], submit: Submit[Request, Response]
    ) -> Iterator[tuple[Request, Response]]:
        """The answers to songs that need no extraction; that of the others is submitted.

        What serves is looked up once for all of them: a look at the disk lets the thread that reads the stream take
        over, which costs more than the look.
        """
        serving = self.classifier.heads.installed()
        waiting: list[tuple[Request, PendingClassification]] = []
        for request in requests:
            try:
                waiting.append((request, self.classifier.begin(request.track, self.caller, serving)))
            except STAGE_FAILURES as error:
                yield request, failed(request.key, error)
        while waiting:
            for request, pending in waiting:
                if pending.vote.query is None:
                    yield request, answered(request.key, pending)
                elif isinstance(pending.vote.query, ExtractionQuery):
                    submit(request, partial(self._extract_and_answer, request.key, pending))
            waiting = [each for each in waiting if isinstance(each[1].vote.query, HeadQuery)]
            predict_batch((pending.vote for _, pending in waiting), self.predict)

    def _extract_and_answer(self, key: str, pending: PendingClassification) -> Response:
        """What takes long is brought to its end at once: beside it a call of Triton for one song is nothing."""
        run_to_end(pending.vote, self.predict)
        return answered(key, pending)


def answered(key: str, pending: PendingClassification) -> Response:
    """What came of a song."""
    response = Response(key=key)
    try:
        pending.write_answer(response.classification)
    except STAGE_FAILURES as error:
        response.error.CopyFrom(song_error_to(error))
    return response


def failed(key: str, error: ServiceError | RemoteError) -> Response:
    """What was wrong with a request."""
    return Response(key=key, error=song_error_to(error))


def content_bytes(request: inference_pb2.ClassifyTrackRequest) -> int:
    """Size of the file that a request carries."""
    return len(request.audio.content)
