"""The client for programs with threads, or with none."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from types import TracebackType

import grpc
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc

from reclass_client.answers import answer_of, classification_of, status_of
from reclass_client.connection import CHANNEL_OPTIONS, metadata
from reclass_client.errors import FileUnreadableError, error_of_call
from reclass_client.models import SWITCH_SECONDS, Model, ModelReport, model_of, report_of
from reclass_client.songs import Options, Song, request_for
from reclass_client.values import Answer, Classification, Status, Vector

AHEAD = 1024
"""Songs of `classify_many` that are sent before their answers are taken; more than the service works on at once."""
SONG_SECONDS = 150.0
"""More than the service allows for listening to one song."""


class Client:
    """A connection to the service at `target` ("host:port"). Safe to share between threads; close it, or use `with`.

    Without `token` that of RECLASS_TOKEN or RECLASS_TOKEN_FILE is sent. With `credentials` the connection is TLS.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:50053",
        *,
        token: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._metadata = metadata(token)
        self._channel = (
            grpc.secure_channel(target, credentials, options=CHANNEL_OPTIONS)
            if credentials
            else grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
        )
        self._stub = inference_pb2_grpc.InferenceServiceStub(self._channel)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, and with it the calls in the works."""
        self._channel.close()

    def classify(
        self,
        *,
        path: str = "",
        rating_key: str = "",
        path_hint: str = "",
        content: bytes = b"",
        file: "str | PathLike[str] | None" = None,
        vectors: Sequence[Vector] = (),
        options: Options = Options(),  # noqa: B008 # frozen
        timeout: float = SONG_SECONDS,
    ) -> Classification:
        """The genre of one song, named as `Song` says; raises ReclassError."""
        song = Song(
            path=path, rating_key=rating_key, path_hint=path_hint, content=content, file=file, vectors=vectors
        )
        try:
            response = self._stub.ClassifyTrack(
                request_for(song, options), timeout=timeout, metadata=self._metadata
            )
        except grpc.RpcError as error:
            raise error_of_call(error) from error
        return classification_of(response)

    def classify_many(
        self,
        songs: Iterable[Song],
        *,
        options: Options = Options(),  # noqa: B008 # frozen
        timeout: float | None = None,
    ) -> Iterator[Answer]:
        """One answer a song, as soon as it is known and not always in the order asked; the keys tell which.

        A song that fails has its error in its answer, and the others go on. `songs` is read by another thread, and only
        so far ahead of the answers that you have taken. Raises ReclassError when the stream itself breaks; songs
        without an answer may then be sent again. To stop early, stop iterating.
        """
        feed = Feed(songs, options)
        call = self._stub.ClassifyTracks(iter(feed), timeout=timeout, metadata=self._metadata)
        try:
            for response in call:
                yield from feed.unsent()
                yield answer_of(response)
                feed.answered()
        except grpc.RpcError as error:
            raise feed.failure or error_of_call(error) from error
        finally:
            call.cancel()
            feed.stop()
        yield from feed.unsent()

    def status(self, *, timeout: float = 30.0) -> Status:
        """The stages, whether each is ready, and the limits; raises ReclassError."""
        try:
            response = self._stub.GetStatus(
                inference_pb2.GetStatusRequest(), timeout=timeout, metadata=self._metadata
            )
        except grpc.RpcError as error:
            raise error_of_call(error) from error
        return status_of(response)

    def list_models(self, *, timeout: float = 30.0) -> tuple[Model, ...]:
        """The models that are kept, the newest first; raises ReclassError."""
        try:
            response = self._stub.ListModels(
                inference_pb2.ListModelsRequest(), timeout=timeout, metadata=self._metadata
            )
        except grpc.RpcError as error:
            raise error_of_call(error) from error
        return tuple(model_of(model) for model in response.models)

    def get_model(self, name: str = "", *, timeout: float = 30.0) -> ModelReport:
        """A model with its figures and pictures, without a name the one in service; raises ReclassError."""
        try:
            response = self._stub.GetModel(
                inference_pb2.GetModelRequest(name=name), timeout=timeout, metadata=self._metadata
            )
        except grpc.RpcError as error:
            raise error_of_call(error) from error
        return report_of(response)

    def promote_model(self, name: str, *, timeout: float = SWITCH_SECONDS) -> Model:
        """Put a model into service; no call is lost, and repeating it changes nothing. Raises ReclassError."""
        try:
            response = self._stub.PromoteModel(
                inference_pb2.PromoteModelRequest(name=name), timeout=timeout, metadata=self._metadata
            )
        except grpc.RpcError as error:
            raise error_of_call(error) from error
        return model_of(response.model)

    def rollback_model(self, in_service: str = "", *, timeout: float = SWITCH_SECONDS) -> Model:
        """Put the model before back, and give the one in service then; raises ReclassError.

        With `in_service` only while that model is in service, so that a repetition changes nothing.
        """
        try:
            response = self._stub.RollbackModel(
                inference_pb2.RollbackModelRequest(in_service=in_service),
                timeout=timeout,
                metadata=self._metadata,
            )
        except grpc.RpcError as error:
            raise error_of_call(error) from error
        return model_of(response.model)


class Feed:
    """The songs as messages, never far ahead of the answers, and what becomes of those that cannot be sent."""

    def __init__(self, songs: Iterable[Song], options: Options) -> None:
        self._songs = songs
        self._options = options
        self._unsent: deque[Answer] = deque()
        # The connection alone would hold megabytes of answers for a caller who does not take them.
        self._room = threading.Semaphore(AHEAD)
        self._stopped = False
        self.failure: Exception | None = None
        """What the caller's own iterable raised; gRPC would only say that iterating failed."""

    def __iter__(self) -> Iterator[inference_pb2.ClassifyTracksRequest]:
        with self:
            for song in self._songs:
                message = self.message(song)
                if message:
                    self._room.acquire()
                    if self._stopped:
                        return
                    yield message

    def __enter__(self) -> None:
        """Within, the caller's own code runs."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Whatever it raised is kept, and raised again where the caller can see it."""
        if isinstance(error, Exception):
            self.failure = error

    def answered(self) -> None:
        """One more answer has been taken."""
        self._room.release()

    def stop(self) -> None:
        """Nobody takes answers any more."""
        self._stopped = True
        self._room.release()

    def message(self, song: Song) -> inference_pb2.ClassifyTracksRequest | None:
        """The message of a song; None for one whose file cannot be read."""
        try:
            return inference_pb2.ClassifyTracksRequest(key=song.key, track=request_for(song, self._options))
        except FileUnreadableError as error:
            self._unsent.append(Answer(key=song.key, error=error))
            return None

    def unsent(self) -> Iterator[Answer]:
        """The answers to songs that were not sent."""
        while self._unsent:
            yield self._unsent.popleft()
