"""The client for programs with threads, or with none."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

import grpc
from reclass.inference.v1 import inference_pb2

from reclass_client.answers import answer_of, classification_of, status_of
from reclass_client.arguments import checked, seconds
from reclass_client.connection import Connection
from reclass_client.decisions import ArtistEvidence, Decisions, Requests, SongEvidence, Sources
from reclass_client.errors import (
    BadArgumentError,
    ContentTooLargeError,
    FileUnreadableError,
    error_of_call,
    translated,
)
from reclass_client.models import SWITCH_SECONDS, Model, ModelReport, model_of, report_of, request_of
from reclass_client.songs import Album, Options, Song, options_to, request_for
from reclass_client.values import Answer, Classification, Status, Vector

PREFETCH = 1024
"""Songs of `classify_many` that are sent before their answers are taken; more than the service works on at once."""
SONG_SECONDS = 150.0
"""More than the service allows for one song."""
Response = TypeVar("Response")


class Client(Connection):
    """A connection to the service at `target` ("host:port"). Safe to share between threads; close it, or use `with`.

    Without `token` that of RECLASS_TOKEN or RECLASS_TOKEN_FILE is sent. With `credentials` the connection is TLS.
    """

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, and with it the calls in the works."""
        self._closed = True
        self._channel.close()

    def _call(self, method: "Callable[..., Response]", request: object, timeout: "float | None") -> Response:
        """One call, its failure as ReclassError."""
        self._require_open()
        with translated():
            return method(request, timeout=seconds(timeout), metadata=self._metadata)

    def classify(
        self,
        *,
        path: str = "",
        rating_key: str = "",
        path_hint: str = "",
        guid: str = "",
        content: bytes = b"",
        file: "str | PathLike[str] | None" = None,
        vectors: Sequence[Vector] = (),
        tags: "Sequence[str] | None" = None,
        album: "Album | None" = None,
        artist: str = "",
        album_artist: str = "",
        options: Options = Options(),  # noqa: B008 # frozen
        timeout: float = SONG_SECONDS,
    ) -> Classification:
        """The genre of one song, named as `Song` says; raises ReclassError."""
        song = Song(
            path=path,
            rating_key=rating_key,
            path_hint=path_hint,
            guid=guid,
            content=content,
            file=file,
            vectors=vectors,
            tags=tags,
            album=album,
            artist=artist,
            album_artist=album_artist,
        )
        request = request_for(song, options)
        return classification_of(self._call(self._stub.ClassifyTrack, request, timeout))

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
        self._require_open()
        feed = Feed(songs, options)
        call = self._stub.ClassifyTracks(iter(feed), timeout=seconds(timeout), metadata=self._metadata)
        threading.Thread(target=feed.take, args=(call,), name="answers", daemon=True).start()
        try:
            yield from feed.answers()
        finally:
            call.cancel()
            feed.stop()

    def decide(
        self,
        artists: Iterable[ArtistEvidence],
        *,
        judged: Iterable[SongEvidence] = (),
        model: str = "",
        sources: Sources = Sources(),  # noqa: B008 # frozen
        timeout: float | None = None,
    ) -> Decisions:
        """The genre of each song given its sound, album, artist and tags, from what was answered of them: no audio.

        Each artist comes once, with all albums. `judged`: songs that people have judged, which are sent first. `model`
        is the one whose word the sounds are, without a name the one in service. Raises ReclassError, also while the
        decisions are taken; to stop early, stop iterating.
        """
        self._require_open()
        requests = Requests(artists, judged, model, sources)
        call = self._stub.DecideTracks(iter(requests), timeout=seconds(timeout), metadata=self._metadata)
        return Decisions(call, requests)

    def status(self, *, timeout: float = 30.0) -> Status:
        """The stages, whether each is ready, and the limits; raises ReclassError."""
        return status_of(self._call(self._stub.GetStatus, inference_pb2.GetStatusRequest(), timeout))

    def list_models(self, *, timeout: float = 30.0) -> tuple[Model, ...]:
        """The models that are kept, the newest first; raises ReclassError."""
        response = self._call(self._stub.ListModels, inference_pb2.ListModelsRequest(), timeout)
        return tuple(model_of(model) for model in response.models)

    def get_model(self, name: str = "", *, timeout: float = 30.0) -> ModelReport:
        """A model with its figures and pictures, without a name the one in service; raises ReclassError."""
        request = request_of(inference_pb2.GetModelRequest, name=name)
        return report_of(self._call(self._stub.GetModel, request, timeout))

    def promote_model(self, name: str, *, timeout: float = SWITCH_SECONDS) -> Model:
        """Put a model into service; no call is lost, and repeating it changes nothing. Raises ReclassError."""
        request = request_of(inference_pb2.PromoteModelRequest, name=name)
        return model_of(self._call(self._stub.PromoteModel, request, timeout).model)

    def rollback_model(self, in_service: str = "", *, timeout: float = SWITCH_SECONDS) -> Model:
        """Put the model before back, and give the one in service then; raises ReclassError.

        With `in_service` only while that model is in service, so that a repetition changes nothing.
        """
        request = request_of(inference_pb2.RollbackModelRequest, in_service=in_service)
        return model_of(self._call(self._stub.RollbackModel, request, timeout).model)


Arrival: TypeAlias = "inference_pb2.ClassifyTracksResponse | Answer | grpc.RpcError | None"
"""The service's answer to a song, ours to one that could not be sent, what broke the stream, or its end."""


class Feed:
    """The songs as messages, never far ahead of the answers, and the answers as they come from either side."""

    def __init__(self, songs: Iterable[Song], options: Options) -> None:
        options_to(options)  # what is wrong with them is wrong with every song
        with checked("the songs"):
            self._songs = iter(songs)
        self._options = options
        self._arrived: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        # The connection alone would hold megabytes of answers for a caller who does not take them.
        self._room = threading.Semaphore(PREFETCH)
        self._stopped = False
        self.failure: Exception | None = None
        """What the caller's own iterable raised; gRPC would only say that iterating failed."""

    def __iter__(self) -> Iterator[inference_pb2.ClassifyTracksRequest]:
        with self:
            for song in self._songs:
                message = self.message(song)
                self._room.acquire()
                if self._stopped:
                    return
                if isinstance(message, Answer):
                    self._arrived.put(message)
                else:
                    yield message

    def __enter__(self) -> None:
        """Within, the caller's own code runs."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Whatever it raised is kept, and raised again where the caller can see it."""
        if isinstance(error, Exception):
            self.failure = error

    def take(self, call: Any) -> None:
        """Take the service's answers until there are no more, in a thread of its own.

        A song that cannot be sent is answered beside them, and must not wait for the next one of theirs.
        """
        try:
            for response in call:
                self._arrived.put(response)
        except grpc.RpcError as error:
            self._arrived.put(error)
        else:
            self._arrived.put(None)

    def answers(self) -> Iterator[Answer]:
        """The answers as they come; raises what broke the stream."""
        while (arrival := self._arrived.get()) is not None:
            yield self.answer(arrival)
            self._room.release()

    def answer(self, arrival: "inference_pb2.ClassifyTracksResponse | Answer | grpc.RpcError") -> Answer:
        """What has arrived as an answer; raises what broke the stream."""
        if isinstance(arrival, grpc.RpcError):
            raise self.failure or error_of_call(arrival) from arrival
        return arrival if isinstance(arrival, Answer) else answer_of(arrival)

    def stop(self) -> None:
        """Nobody takes answers any more."""
        self._stopped = True
        self._room.release()

    def message(self, song: Song) -> "inference_pb2.ClassifyTracksRequest | Answer":
        """The message of a song, or our own answer to one that cannot be sent."""
        if not isinstance(song, Song):
            raise BadArgumentError(f"{song!r} is no Song")
        try:
            return inference_pb2.ClassifyTracksRequest(key=song.key, track=request_for(song, self._options))
        except (FileUnreadableError, ContentTooLargeError, BadArgumentError) as error:
            return Answer(key=song.key, error=error)
