"""The songs of one ClassifyTracks stream: those that arrive together share their calls of Triton."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from reclass.inference.v1 import inference_pb2
from runtime.errors import RemoteError, ServiceError
from runtime.streams import Caller, Submit

from inference.classify.batching import Predict, predict_batch, run_to_end
from inference.classify.progressive import STAGE_FAILURES, HeadQuery
from inference.classify.song_vectors import ExtractionQuery
from inference.rpc.classify_request import Classifier, PendingClassification
from inference.rpc.messages import song_error_to

Request = inference_pb2.ClassifyTracksRequest
Response = inference_pb2.ClassifyTracksResponse


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
