"""The client for programs with asyncio."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from os import PathLike
from types import TracebackType
from typing import Any, ClassVar, TypeVar

import grpc
from reclass.inference.v1 import inference_pb2

from reclass_client.answers import classification_of, status_of
from reclass_client.arguments import seconds
from reclass_client.client import PREFETCH, SONG_SECONDS, Arrival, Feed
from reclass_client.connection import Connection
from reclass_client.decisions import ArtistEvidence, AsyncDecisions, Requests, SongEvidence, Sources
from reclass_client.errors import CallCancelledError, translated
from reclass_client.models import SWITCH_SECONDS, Model, ModelReport, model_of, report_of, request_of
from reclass_client.songs import Album, Options, Song, request_for
from reclass_client.values import Answer, Classification, Status, Vector

ACCEPTED_SECONDS = 5.0
Response = TypeVar("Response")


class AsyncClient(Connection):
    """As `Client`, for one event loop: make it inside, and close it or use `async with`."""

    _grpc: ClassVar[Any] = grpc.aio

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection, and with it the calls in the works."""
        self._closed = True
        await self._channel.close()

    async def _call(
        self, method: "Callable[..., Awaitable[Response]]", request: object, timeout: "float | None"
    ) -> Response:
        """One call, its failure as ReclassError."""
        self._require_open()
        with translated():
            return await method(request, timeout=seconds(timeout), metadata=self._metadata)

    async def classify(
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
        timeout: float = SONG_SECONDS,  # it goes with the call as its deadline
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
        request = await asyncio.to_thread(request_for, song, options)
        return classification_of(await self._call(self._stub.ClassifyTrack, request, timeout))

    async def classify_many(
        self,
        songs: "Iterable[Song] | AsyncIterable[Song]",
        *,
        options: Options = Options(),  # noqa: B008 # frozen
        timeout: float | None = None,  # it goes with the call as its deadline
    ) -> AsyncIterator[Answer]:
        """As `Client.classify_many`; `songs` may be asynchronous too."""
        self._require_open()
        feed = AsyncFeed(songs, options)
        call = self._stub.ClassifyTracks(feed.messages(), timeout=seconds(timeout), metadata=self._metadata)
        taking = asyncio.ensure_future(feed.take_all(call))
        try:
            while (arrival := await feed.arrived.get()) is not None:
                yield feed.answer(arrival)
                feed.answered()
        finally:
            call.cancel()
            taking.cancel()

    async def decide(
        self,
        artists: "Iterable[ArtistEvidence] | AsyncIterable[ArtistEvidence]",
        *,
        judged: Iterable[SongEvidence] = (),
        model: str = "",
        sources: Sources = Sources(),  # noqa: B008 # frozen
        timeout: float | None = None,  # it goes with the call as its deadline
    ) -> AsyncDecisions:
        """As `Client.decide`; `artists` may be asynchronous too."""
        self._require_open()
        requests = Requests(artists, judged, model, sources)
        begun: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        call = self._stub.DecideTracks(
            requests.messages(begun), timeout=seconds(timeout), metadata=self._metadata
        )
        await accepted(call)
        begun.set_result(None)
        return await AsyncDecisions(call, requests).begin()

    async def status(self, *, timeout: float = 30.0) -> Status:  # as above
        """The stages, whether each is ready, and the limits; raises ReclassError."""
        return status_of(await self._call(self._stub.GetStatus, inference_pb2.GetStatusRequest(), timeout))

    async def list_models(self, *, timeout: float = 30.0) -> tuple[Model, ...]:  # as above
        """The models that are kept, the newest first; raises ReclassError."""
        response = await self._call(self._stub.ListModels, inference_pb2.ListModelsRequest(), timeout)
        return tuple(model_of(model) for model in response.models)

    async def get_model(self, name: str = "", *, timeout: float = 30.0) -> ModelReport:  # as above
        """A model with its figures and pictures, without a name the one in service; raises ReclassError."""
        request = request_of(inference_pb2.GetModelRequest, name=name)
        return report_of(await self._call(self._stub.GetModel, request, timeout))

    async def promote_model(self, name: str, *, timeout: float = SWITCH_SECONDS) -> Model:  # as above
        """Put a model into service; no call is lost, and repeating it changes nothing. Raises ReclassError."""
        request = request_of(inference_pb2.PromoteModelRequest, name=name)
        return model_of((await self._call(self._stub.PromoteModel, request, timeout)).model)

    async def rollback_model(
        self, in_service: str = "", *, timeout: float = SWITCH_SECONDS
    ) -> Model:  # as above
        """Put the model before back, and give the one in service then; raises ReclassError.

        With `in_service` only while that model is in service, so that a repetition changes nothing.
        """
        request = request_of(inference_pb2.RollbackModelRequest, in_service=in_service)
        return model_of((await self._call(self._stub.RollbackModel, request, timeout)).model)


class AsyncFeed(Feed):
    """The songs as messages; files are read beside the event loop."""

    def __init__(self, songs: "Iterable[Song] | AsyncIterable[Song]", options: Options) -> None:
        super().__init__(() if isinstance(songs, AsyncIterable) else songs, options)
        self._any_songs = songs if isinstance(songs, AsyncIterable) else self._songs
        self._async_room = asyncio.Semaphore(PREFETCH)
        self._accepted = asyncio.Event()
        self.arrived: asyncio.Queue[Arrival | CallCancelledError] = asyncio.Queue()

    async def messages(self) -> AsyncIterator[inference_pb2.ClassifyTracksRequest]:
        """The messages, as far as there is room for them."""
        await self._accepted.wait()
        with self:
            async for song in each(self._any_songs):
                has_file = isinstance(song, Song) and song.file
                message = await asyncio.to_thread(self.message, song) if has_file else self.message(song)
                await self._async_room.acquire()
                if isinstance(message, Answer):
                    self.arrived.put_nowait(message)
                else:
                    yield message

    async def take_all(self, call: Any) -> None:
        """As `take`, in a task of its own."""
        try:
            await accepted(call)
            self._accepted.set()
            async for response in call:
                self.arrived.put_nowait(response)
        except grpc.RpcError as error:
            self.arrived.put_nowait(error)
        except asyncio.CancelledError:
            self.arrived.put_nowait(CallCancelledError(code="CANCELLED", message="the stream was given up"))
            raise
        else:
            self.arrived.put_nowait(None)

    def answer(self, arrival: Any) -> Answer:
        """What has arrived as an answer; raises what broke the stream."""
        if isinstance(arrival, CallCancelledError):  # gRPC gives up a stream whose songs could not be had
            raise self.failure or arrival
        return super().answer(arrival)

    def answered(self) -> None:
        """One more answer has been taken."""
        self._async_room.release()


async def accepted(call: "grpc.aio.StreamStreamCall[Any, Any]") -> None:
    """Wait until the service has accepted the stream or refused it.

    A song that is sent into a refusal hides it: grpc.aio then reports INTERNAL in place of the service's own status
    (https://github.com/grpc/grpc/issues/36066). A service that says nothing before its first answer gets songs anyway.
    """
    await asyncio.wait({asyncio.ensure_future(call.initial_metadata())}, timeout=ACCEPTED_SECONDS)


async def each(songs: "Iterable[Song] | AsyncIterable[Song]") -> AsyncIterator[Song]:
    """Songs from either kind of iterable."""
    if isinstance(songs, AsyncIterable):
        async for song in songs:
            yield song
        return
    for song in songs:
        yield song
