"""InferenceService: converts messages, asks the rooms that know, converts back."""

from collections.abc import Iterator
from typing import Any

import grpc
from reclass.inference.v1 import inference_pb2
from runtime.streams import AdmissionLimit, SongStream, StreamLimits, caller_of, when_gone
from runtime.watchdog import Probe

from inference.classify.batching import run_to_end
from inference.errors import InvalidRequestError, VectorInvalidError
from inference.jobs.training_job import Trainer
from inference.rpc.admission import DecideStreams
from inference.rpc.callers import Callers
from inference.rpc.classify_request import Classifier, StreamSession
from inference.rpc.decision_request import decide_stream
from inference.rpc.messages import (
    callers_from,
    genres_from,
    source_from,
    split_part_from,
    stage_state_to,
    training_options_from,
    vectors_from,
)
from inference.rpc.model_messages import promotion_from
from inference.rpc.model_servicer import ModelServicer
from inference.rpc.report_messages import evaluate_response, train_response
from inference.serving.heads import Heads
from inference.serving.lifecycle import Models
from inference.serving.status import stage_states
from inference.training.dataset_files import CorpusWriter


class InferenceServicer(ModelServicer):
    """One instance serves all calls."""

    def __init__(
        self,
        *,
        heads: Heads,
        trainer: Trainer,
        models: Models,
        classifier: Classifier,
        calls: AdmissionLimit,
        streams: AdmissionLimit,
        decide_streams: DecideStreams,
        stream_limits: StreamLimits,
        callers: Callers,
    ) -> None:
        super().__init__(models=models, features=classifier.features)
        self._heads = heads
        self._trainer = trainer
        self._classifier = classifier
        self._calls = calls
        self._streams = streams
        self._decide_streams = decide_streams
        self._stream_limits = stream_limits
        self._callers = callers

    def warm_up(self) -> None:
        """Have Triton load what it shall serve; without Triton the service starts all the same."""
        self._trainer.clear_leftovers()
        self._heads.load_installed()

    def probes(self) -> list[Probe]:
        """What a watchdog asks of Triton."""
        return self._heads.probes()

    def ClassifyTrack(
        self, request: inference_pb2.ClassifyTrackRequest, context: grpc.ServicerContext
    ) -> inference_pb2.ClassifyTrackResponse:
        with self._calls.admit(), caller_of(context) as caller:
            pending = self._classifier.begin(request, caller)
            run_to_end(pending.vote, self._heads.predict)
            return pending.answer()

    def ClassifyTracks(
        self,
        request_iterator: Iterator[inference_pb2.ClassifyTracksRequest],
        context: grpc.ServicerContext,
    ) -> Iterator[inference_pb2.ClassifyTracksResponse]:
        with self._streams.admit(), caller_of(context) as caller:
            session = StreamSession(classifier=self._classifier, predict=self._heads.predict, caller=caller)
            stream: SongStream[inference_pb2.ClassifyTracksRequest, inference_pb2.ClassifyTracksResponse] = (
                SongStream(
                    begin=session.begin,
                    size=inference_pb2.ClassifyTracksRequest.ByteSize,
                    limits=self._stream_limits,
                )
            )
            when_gone(context, stream.cancel)
            context.send_initial_metadata(())  # says that the stream is accepted, before its first answer
            yield from stream.answers(request_iterator)

    def DecideTracks(
        self, request_iterator: Iterator[inference_pb2.DecideTracksRequest], context: grpc.ServicerContext
    ) -> Iterator[inference_pb2.DecideTracksResponse]:
        with self._decide_streams.admit(context.invocation_metadata()):
            options: inference_pb2.DecideOptions = first_options(request_iterator, "DecideTracks")
            yield from decide_stream(self._models, options, request_iterator)

    def SetCallers(
        self, request: inference_pb2.SetCallersRequest, context: grpc.ServicerContext
    ) -> inference_pb2.SetCallersResponse:
        return inference_pb2.SetCallersResponse(changed=self._callers.take(callers_from(request)))

    def Train(
        self, request_iterator: Iterator[inference_pb2.TrainRequest], context: grpc.ServicerContext
    ) -> Iterator[inference_pb2.TrainResponse]:
        with self._trainer.training() as job:
            context.add_callback(job.cancel)
            first: inference_pb2.TrainOptions = first_options(request_iterator, "Train")
            options, promotion = training_options_from(first), promotion_from(first)
            for request in request_iterator:
                add_song(job.corpus, request.song)
            for event in job.run(options, promotion):
                yield train_response(event)

    def Evaluate(
        self, request_iterator: Iterator[inference_pb2.EvaluateRequest], context: grpc.ServicerContext
    ) -> Iterator[inference_pb2.EvaluateResponse]:
        with self._trainer.evaluation() as job:
            when_gone(context, job.cancel)
            options: inference_pb2.EvaluateOptions = first_options(request_iterator, "Evaluate")
            if options.seed < 0:
                raise InvalidRequestError(f"seed is {options.seed}; it must not be negative")
            for request in request_iterator:
                job.parts.append(split_part_from(request))
                add_song(job.corpus, request.song.song)
            for event in job.run(seed=options.seed, title=options.title):
                yield evaluate_response(event)

    def GetStatus(
        self, request: inference_pb2.GetStatusRequest, context: grpc.ServicerContext
    ) -> inference_pb2.GetStatusResponse:
        return inference_pb2.GetStatusResponse(
            stages=[stage_state_to(state) for state in stage_states(self._heads)],
            limits=inference_pb2.Limits(
                max_content_bytes=self._classifier.max_content_bytes,
                max_calls=self._calls.limit,
                max_stream_songs=self._stream_limits.songs,
            ),
        )


def first_options(requests: Iterator[Any], method: str) -> Any:
    """The first message of a stream must be the options."""
    first = next(requests, None)
    if first is None or first.WhichOneof("part") != "options":
        raise InvalidRequestError(f"the first message of {method} must be its options")
    return first.options


def add_song(corpus: CorpusWriter, song: inference_pb2.TrainingSong) -> None:
    """Take one song of the stream."""
    genres = genres_from(song)
    try:
        vectors = vectors_from(song.vectors)
    except VectorInvalidError as error:
        raise VectorInvalidError(f"song {song.song_id}: {error}") from error
    corpus.add(
        song_id=song.song_id,
        genres=genres,
        artist=song.artist,
        album_artist=song.album_artist,
        album=song.album,
        vectors=vectors,
        source=source_from(song.source),
    )
