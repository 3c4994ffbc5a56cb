"""InferenceService: converts messages, asks the parts that know, converts back."""

from collections.abc import Iterator

import grpc
from reclass.features.v1 import features_pb2_grpc
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc

from inference.converters import (
    classification_to,
    rule_from,
    stage_state_to,
    train_response,
    training_options_from,
    vectors_from,
)
from inference.errors import RequestInvalidError
from inference.heads import Heads
from inference.learning import Learner, Session
from inference.listening import Listener
from inference.progressive import Song, classify
from inference.status import stage_states


class InferenceServicer(inference_pb2_grpc.InferenceServiceServicer):
    """One instance serves all calls."""

    def __init__(
        self,
        *,
        heads: Heads,
        learner: Learner,
        features: features_pb2_grpc.FeatureServiceStub,
        extract_timeout_seconds: float,
    ) -> None:
        self._heads = heads
        self._learner = learner
        self._features = features
        self._extract_timeout_seconds = extract_timeout_seconds

    def warm_up(self) -> None:
        """Have Triton load what it shall serve; without Triton the service starts all the same."""
        self._heads.load_installed()

    def ClassifyTrack(
        self, request: inference_pb2.ClassifyTrackRequest, context: grpc.ServicerContext
    ) -> inference_pb2.ClassifyTrackResponse:
        listener = self._listener(request, context)
        classification = classify(
            heads=self._heads.installed(),
            song=Song(sent=vectors_from(request.vectors), hear=listener),
            judge=self._heads.judge,
            rule=rule_from(request.options),
        )
        response = classification_to(classification)
        if listener and listener.first:
            response.content_key = listener.first.content_key
            response.properties.CopyFrom(listener.first.properties)
            response.tags.CopyFrom(listener.first.tags)
        return response

    def ClassifyTracks(
        self,
        request_iterator: Iterator[inference_pb2.ClassifyTracksRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[inference_pb2.ClassifyTracksResponse]:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "call ClassifyTrack for each song")

    def _listener(
        self, request: inference_pb2.ClassifyTrackRequest, context: grpc.ServicerContext
    ) -> Listener | None:
        if request.audio.WhichOneof("source") is None:
            return None
        # Never longer than the caller waits.
        left: float | None = context.time_remaining()
        return Listener(
            stub=self._features,
            audio=request.audio,
            path_mappings=request.options.path_mappings,
            timeout_seconds=min(self._extract_timeout_seconds, left or self._extract_timeout_seconds),
        )

    def Train(
        self, request_iterator: Iterator[inference_pb2.TrainRequest], context: grpc.ServicerContext
    ) -> Iterator[inference_pb2.TrainResponse]:
        with self._learner.session() as session:
            context.add_callback(session.cancel)
            options = training_options_from(first_options(request_iterator))
            for request in request_iterator:
                add_song(session, request)
            for event in session.learn(options):
                yield train_response(event)

    def GetStatus(
        self, request: inference_pb2.GetStatusRequest, context: grpc.ServicerContext
    ) -> inference_pb2.GetStatusResponse:
        return inference_pb2.GetStatusResponse(
            stages=[stage_state_to(state) for state in stage_states(self._heads)]
        )


def first_options(requests: Iterator[inference_pb2.TrainRequest]) -> inference_pb2.TrainOptions:
    """The first message must be the options."""
    first = next(requests, None)
    if first is None or first.WhichOneof("part") != "options":
        raise RequestInvalidError("the first message of Train must be its options")
    return first.options


def add_song(session: Session, request: inference_pb2.TrainRequest) -> None:
    """Take one song of the stream."""
    song = request.song
    if request.WhichOneof("part") != "song" or not song.song_id or not song.genre:
        raise RequestInvalidError(
            "after the options each message of Train must be a song with song_id and genre"
        )
    session.corpus.add(
        song_id=song.song_id,
        genre=song.genre,
        group=song.group or f"song {song.song_id}",
        vectors=vectors_from(song.vectors),
    )
