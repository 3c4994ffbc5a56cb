"""The genres of a library given all that is known of its songs: what is sent, and the answers as they come."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import grpc
from reclass.inference.v1 import inference_pb2

from reclass_client.answers import decision_of
from reclass_client.arguments import checked, text
from reclass_client.errors import BadArgumentError, CallCancelledError, error_of_call, translated
from reclass_client.values import Classification, Decision, NoiseReading, coverage_of, value_of

JUDGED_AT_ONCE = 1000
"""Judged songs of one message."""
Request = inference_pb2.DecideTracksRequest


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A person's word on a song that was put to them."""

    genres: Sequence[str] = ()
    """Those that are right; none: none that the model knows."""
    act: str = ""
    """Songs that were judged at once, such as an album, have one name here, and count as one."""


@dataclass(frozen=True, kw_only=True)
class SongEvidence:
    """What is known of one song."""

    key: str
    """Your own name of it, which comes back with its decision."""
    model_version: str = ""
    sound: bytes = b""
    """Both as `Classification` has them; a song of another model's word is answered without a genre."""
    tags: Sequence[str] = ()
    """Names of genres that its own tags stand for; none: it has no tag that counts."""
    content_key: str = ""
    """Of its audio: copies of one recording on an album count once."""
    judgement: "Judgement | None" = None

    @classmethod
    def of(
        cls,
        key: str,
        song: Classification,
        *,
        tags: Sequence[str] = (),
        judgement: "Judgement | None" = None,
    ) -> "SongEvidence":
        """From what was answered of the song. A guess, or what random weights said, is no evidence."""
        means_something = not (song.is_guess or song.random_weights)
        return cls(
            key=key,
            model_version=song.model_version if means_something else "",
            sound=song.sound if means_something else b"",
            tags=tags,
            content_key=song.audio.content_key if song.audio else "",
            judgement=judgement,
        )


@dataclass(frozen=True, kw_only=True)
class AlbumEvidence:
    """The songs of an album; without a title, single songs that are on none."""

    title: str = ""
    artist: str = ""
    """Whose album it is; "Various Artists" and its like are nobody."""
    songs: Sequence[SongEvidence] = ()


ArtistEvidence: TypeAlias = Sequence[AlbumEvidence]
"""All albums of one artist."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What is asked beside the sound."""

    tags: bool = True
    albums: bool = True
    """Without them artists are not asked either, whose albums speak for each other."""
    artists: bool = True


class Requests:
    """The messages of a call, and what the caller's own iterables raised; gRPC would only say that iterating failed."""

    def __init__(
        self,
        artists: "Iterable[ArtistEvidence] | AsyncIterable[ArtistEvidence]",
        judged: Iterable[SongEvidence],
        model: str,
        sources: Sources,
    ) -> None:
        if not isinstance(sources, Sources):
            raise BadArgumentError(f"sources is {sources!r}; it must be Sources")
        options = inference_pb2.DecideOptions(
            model=text(model, "the model"),
            without_tags=not sources.tags,
            without_albums=not sources.albums,
            without_artists=not sources.artists,
        )
        self._options = Request(options=options)
        with checked("the songs"):
            self._judged = iter(judged)
            self._artists = artists if isinstance(artists, AsyncIterable) else iter(artists)
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[Request]:
        with self:
            yield from self._first()
            if not isinstance(self._artists, AsyncIterable):
                for artist in self._artists:
                    yield Request(artist=artist_to(artist))

    async def messages(self, call: "asyncio.Future[Any]") -> AsyncIterator[Request]:
        """The same; `call`: the call that was made, once the service has accepted it or refused it."""
        await call
        with self:
            for message in self._first():
                yield message
            if isinstance(self._artists, AsyncIterable):
                async for artist in self._artists:
                    yield Request(artist=artist_to(artist))
            else:
                for artist in self._artists:
                    yield Request(artist=artist_to(artist))

    def __enter__(self) -> None:
        """Within, the caller's own code runs."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Whatever it raised is kept, and raised again where the caller can see it."""
        if isinstance(error, Exception):
            self.failure = error

    def _first(self) -> Iterator[Request]:
        yield self._options
        while songs := tuple(islice(self._judged, JUDGED_AT_ONCE)):
            yield Request(judged=artist_to((AlbumEvidence(songs=songs),)))


class Decisions:
    """The answers of a call, one decision a song, as they come; and what the judgements say of tags."""

    def __init__(self, call: Any, requests: Requests) -> None:
        self._call = call
        self._requests = requests
        self.reading: NoiseReading = reading_of(self._next())
        """Known before the first decision."""

    def __iter__(self) -> Iterator[Decision]:
        try:
            while (answer := self._next()) is not None:
                yield decision_of(answer.decision)
        finally:
            self._call.cancel()

    def _next(self) -> Any:
        try:
            return next(self._call, None)
        except grpc.RpcError as error:
            raise self._requests.failure or error_of_call(error) from error


class AsyncDecisions:
    """As `Decisions`, for `async for`."""

    def __init__(self, call: Any, requests: Requests) -> None:
        self._call = call
        self._requests = requests
        self.reading: NoiseReading

    async def begin(self) -> "AsyncDecisions":
        """Wait for the reading."""
        self.reading = reading_of(await self._next())
        return self

    async def __aiter__(self) -> AsyncIterator[Decision]:
        try:
            while (answer := await self._next()) is not None:
                yield decision_of(answer.decision)
        finally:
            self._call.cancel()

    async def _next(self) -> Any:
        try:
            with translated():
                answer = await self._call.read()
        except asyncio.CancelledError:
            if self._requests.failure is None and not self._call.cancelled():
                raise
            given_up = CallCancelledError(code="CANCELLED", message="the stream was given up")
            raise self._requests.failure or given_up from None
        return None if answer is grpc.aio.EOF else answer


def reading_of(answer: "inference_pb2.DecideTracksResponse | None") -> NoiseReading:
    """The first answer."""
    if answer is None:
        raise CallCancelledError(code="CANCELLED", message="the service ended the stream without an answer")
    return value_of(NoiseReading, answer.reading, **coverage_of(answer.reading))


def artist_to(albums: ArtistEvidence) -> inference_pb2.ArtistSongs:
    """The message; raises BadArgumentError."""
    if isinstance(albums, AlbumEvidence) or not isinstance(albums, Sequence):
        raise BadArgumentError(f"an artist is {albums!r}; it must be a list of AlbumEvidence")
    return inference_pb2.ArtistSongs(albums=[_album_to(album) for album in albums])


def _album_to(album: AlbumEvidence) -> inference_pb2.AlbumSongs:
    if not isinstance(album, AlbumEvidence):
        raise BadArgumentError(f"{album!r} is no AlbumEvidence")
    return inference_pb2.AlbumSongs(
        title=text(album.title, "the album's title"),
        album_artist=text(album.artist, "the album's artist"),
        songs=[_song_to(song) for song in album.songs],
    )


def _song_to(song: SongEvidence) -> inference_pb2.SongEvidence:
    if not isinstance(song, SongEvidence):
        raise BadArgumentError(f"{song!r} is no SongEvidence; SongEvidence.of makes one of an answer")
    said = song.judgement
    judgement = inference_pb2.Judgement(genres=_names(said.genres), act=said.act) if said else None
    with checked(f"the song {song.key!r}"):
        return inference_pb2.SongEvidence(
            key=text(song.key, "a key"),
            model_version=song.model_version,
            sound=song.sound,
            tags=_names(song.tags),
            content_key=song.content_key,
            judgement=judgement,
        )


def _names(genres: Sequence[str]) -> list[str]:
    if isinstance(genres, str) or not isinstance(genres, Sequence):
        raise BadArgumentError(f"genres are {genres!r}; they must be a list of names")
    return [text(genre, "a genre") for genre in genres]
