"""The door to the sync service, and through it to Plex."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from reclass.sync.v1 import sync_pb2 as pb
from reclass.sync.v1 import sync_pb2_grpc
from runtime.errors import RemoteError

from portal.configuration import PortalSettings
from portal.remote import bounds
from portal.remote.calls import channel_to, in_flight, prefetch, streamed, translated
from portal.remote.plex import (
    AudioFile,
    ConnectionSource,
    Described,
    GenreState,
    Meant,
    MembersPage,
    Page,
    PlexConnection,
    PlexLibrary,
    PlexServer,
    PlexTrack,
    SkippedRow,
    SongList,
    TracksRead,
    Written,
)

# A page of a big library on a slow disk takes Plex long; a minute is more than was ever seen. Where Plex is silent,
# sync gives up after half a minute and says so: were this deadline the first, sync would be blamed.
LISTING_TIMEOUT_SECONDS = 120.0
# Somebody listens to a song, or pauses in it; a player that is cut off after that goes on by itself where it was.
READING_TIMEOUT_SECONDS = 3600.0
TRACKS_AT_ONCE = 100
LONGEST_LIBRARY = 300
LONGEST_LIST_TITLE = 500
# An artist may have hundreds of tracks.
COLLECTED_AT_ONCE = 100
# Plex answers one request from its disk while another is on the wire; more than a few only make it slow for others.
REQUESTS_AT_ONCE = 4
# Repeated in silence, an edit of ours whose answer was lost would look like somebody else's, and never be taken back.
SENT_ONCE = ("reclass.sync.v1.SyncService/WriteGenres",)
Answer = TypeVar("Answer")


_SOURCES = {
    pb.CONNECTION_SOURCE_STORED: ConnectionSource.STORED,
    pb.CONNECTION_SOURCE_ENVIRONMENT: ConnectionSource.ENVIRONMENT,
}


class AudioReading:
    """A file of a song as it comes: what it is, then its bytes. Who does not read to the end closes it."""

    def __init__(self, answers: Generator[pb.ReadAudioResponse, None, None]) -> None:
        """Raises `RemoteError` where there is nothing to read."""
        self._answers = answers
        header = next(answers).header
        self.file = AudioFile(
            size_bytes=bounds.number(header.size_bytes, bounds.LARGEST_SIZE),
            media_type=header.media_type,
            part_key=header.part_key,
        )

    def __iter__(self) -> Iterator[bytes]:
        return (each.data for each in self._answers)

    def close(self) -> None:
        """End the call, and with it the request to Plex."""
        self._answers.close()


class SyncClient:
    """Typed calls; every failure is a `RemoteError`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = sync_pb2_grpc.SyncServiceStub(channel)

    def check_server(self, *, timeout_seconds: float = LISTING_TIMEOUT_SECONDS) -> PlexServer:
        """Reach the server with the configured token."""
        with translated("sync"):
            return _server(self._stub.CheckServer(pb.CheckServerRequest(), timeout=timeout_seconds))

    def connection(self, *, timeout_seconds: float = 10.0) -> PlexConnection:
        """Where address and token come from."""
        with translated("sync"):
            answer = self._stub.GetConnection(pb.GetConnectionRequest(), timeout=timeout_seconds)
        return PlexConnection(
            url=_SOURCES.get(answer.url_source, ConnectionSource.NONE),
            token=_SOURCES.get(answer.token_source, ConnectionSource.NONE),
            trouble=answer.trouble,
        )

    def set_connection(self, *, url: str, token: str, timeout_seconds: float = 10.0) -> PlexServer:
        """Hand over address and token, to be kept once the server has accepted them; an empty one stays as it is."""
        request = pb.SetConnectionRequest(url=url, token=token)
        with translated("sync"):
            return _server(self._stub.SetConnection(request, timeout=timeout_seconds).server)

    def list_libraries(self) -> list[PlexLibrary]:
        """The music libraries."""
        with translated("sync"):
            answer = self._stub.ListLibraries(pb.ListLibrariesRequest(), timeout=LISTING_TIMEOUT_SECONDS)
        return [
            PlexLibrary(
                key=each.key, title=bounds.text(each.title, LONGEST_LIBRARY), track_count=each.track_count
            )
            for each in answer.libraries
        ]

    def playlists(self, *, timeout_seconds: float = LISTING_TIMEOUT_SECONDS) -> list[SongList]:
        """The playlists of music."""

        pages = _pages(self._stub.ListPlaylists, pb.ListPlaylistsRequest(), timeout_seconds)
        return [_song_list(each) for page in pages for each in page.playlists]

    def collections(
        self, library_key: str, *, timeout_seconds: float = LISTING_TIMEOUT_SECONDS
    ) -> list[SongList]:
        """The collections of a library."""

        request = pb.ListCollectionsRequest(library_key=library_key)
        pages = _pages(self._stub.ListCollections, request, timeout_seconds)
        return [_song_list(each) for page in pages for each in page.collections]

    def playlist_members(self, key: str, *, guid: str, title: str) -> Iterator[MembersPage]:
        """The tracks in the playlist with this key, guid and title, page by page.

        Raises `RemoteError` (ANOTHER_SONG_LIST) where the key has another one now.
        """
        return self._members(pb.ListMembersRequest(playlist_key=key), guid, title)

    def collection_members(self, key: str, *, guid: str, title: str) -> Iterator[MembersPage]:
        """The same of a collection; of one of albums or artists, their tracks."""
        request = pb.ListMembersRequest(collection_key=key, page_size=COLLECTED_AT_ONCE)
        return self._members(request, guid, title)

    def _members(self, request: pb.ListMembersRequest, guid: str, title: str) -> Iterator[MembersPage]:
        request.expected.CopyFrom(pb.SongListIdentity(guid=guid, title=title))
        for page in _pages(self._stub.ListMembers, request):
            yield MembersPage(song_list=_song_list(page.song_list), tracks=tuple(map(_track, page.tracks)))

    def list_tracks(self, library_key: str, *, page_size: int = 1000) -> Iterator[Page]:
        """A library's tracks, page by page, without genres; the next page is asked for while one is worked on."""
        request = pb.ListTracksRequest(library_key=library_key, page_size=page_size)
        return prefetch(map(_page, _pages(self._stub.ListTracks, request)))

    def get_tracks(self, rating_keys: Sequence[str]) -> dict[str, PlexTrack]:
        """Full metadata of tracks by rating key, a hundred in a request; those that Plex does not know are left out."""
        return self.read_tracks(rating_keys).found

    def read_tracks(self, rating_keys: Sequence[str]) -> TracksRead:
        """The same, and those that Plex has and cannot show."""
        chunks = [rating_keys[i : i + TRACKS_AT_ONCE] for i in range(0, len(rating_keys), TRACKS_AT_ONCE)]
        answers = in_flight(self._get_tracks, chunks, at_most=REQUESTS_AT_ONCE)
        found = {message.rating_key: _track(message) for answer in answers for message in answer.tracks}
        if not all(track.state.genres for track in found.values()):
            self._require_track_genres()
        unreadable = frozenset(key for answer in answers for key in answer.unreadable_rating_keys)
        return TracksRead(found=found, unreadable=unreadable)

    def _get_tracks(self, rating_keys: Sequence[str]) -> pb.GetTracksResponse:
        request = pb.GetTracksRequest(rating_keys=rating_keys)
        with translated("sync"):
            return self._stub.GetTracks(request, timeout=LISTING_TIMEOUT_SECONDS)

    def read_audio(
        self, rating_key: str, *, meant: Described, part_key: str = "", offset: int = 0, length: int = 0
    ) -> AudioReading:
        """So many bytes of the track's file from `offset` on (0: all), where it is still the track that is meant."""
        track = pb.TrackIdentity(guid=meant.guid, file=meant.file, title=meant.title, artist=meant.artist)
        request = pb.ReadAudioRequest(
            rating_key=rating_key, part_key=part_key, offset=offset, length=length, track=track
        )
        answers = streamed("sync", lambda: self._stub.ReadAudio(request, timeout=READING_TIMEOUT_SECONDS))
        return AudioReading(answers)

    def write_genres(
        self, rating_key: str, wanted: GenreState, *, expected: GenreState, meant: Meant
    ) -> Written:
        """Make the track's genres and lock exactly `wanted`, unless somebody changed them since `expected`.

        Nothing is written where the key has another track now than the one that is `meant`, or where another server
        than its own is connected.
        """
        request = pb.WriteGenresRequest(
            rating_key=rating_key,
            genres=wanted.genres,
            lock=pb.LOCK_CHANGE_LOCK if wanted.locked else pb.LOCK_CHANGE_UNLOCK,
            expected=pb.GenreState(genres=expected.genres, locked=expected.locked),
            track=pb.TrackIdentity(
                guid=meant.guid,
                file=meant.file,
                title=meant.title,
                artist=meant.artist,
                server_id=meant.server_id,
            ),
        )
        with translated("sync"):
            answer = self._stub.WriteGenres(request, timeout=60.0)
        if not answer.after.genres:
            self._require_track_genres()
        return Written(after=_state(answer.after), changed=answer.changed)

    def _require_track_genres(self) -> None:
        """Refuse to believe in an empty list from a server that shows none: the version may change at any time."""
        server = self.check_server()
        if not server.supports_track_genres:
            raise RemoteError(
                code=grpc.StatusCode.FAILED_PRECONDITION,
                message=f"Plex Media Server {server.version} shows no genres of tracks: update it to 1.40.0 or later. "
                "Nothing that is known of genres was changed",
                reason="SERVER_TOO_OLD",
                permanent=True,
            )


@contextmanager
def sync_at_hand(settings: PortalSettings) -> Iterator[SyncClient]:
    """As a page asks: over a channel of its own, that says at once when nobody answers."""
    with channel_to(settings, "sync", patient=False) as channel:
        yield SyncClient(channel)


def _pages(
    method: Callable[..., Answer], request: Any, timeout_seconds: float = LISTING_TIMEOUT_SECONDS
) -> Iterator[Answer]:
    """The answers of a method that lists in pages, one asked for after the other."""
    while True:
        with translated("sync"):
            answer: Any = method(request, timeout=timeout_seconds)
        yield answer
        request.page_token = answer.next_page_token
        if not request.page_token:
            return


def _song_list(message: pb.SongList) -> SongList:
    return SongList(
        key=bounds.exact(message.key, bounds.LONGEST_RATING_KEY),
        title=bounds.text(message.title, LONGEST_LIST_TITLE),
        entry_count=message.entry_count,
        guid=bounds.exact(message.guid, bounds.LONGEST_GUID),
    )


def _server(message: pb.CheckServerResponse) -> PlexServer:
    return PlexServer(
        machine_identifier=message.machine_identifier,
        name=message.friendly_name,
        version=message.version,
        supports_track_genres=message.supports_track_genres,
        server_time=_time(message.server_time),
    )


def _state(message: pb.GenreState) -> GenreState:
    return GenreState(genres=bounds.genres(message.genres), locked=message.locked)


def _time(stamp: Timestamp) -> datetime | None:
    # Plex knows whole seconds; protobuf's own conversion of 100,000 tracks takes seconds.
    return bounds.instant(stamp.seconds)


def _page(message: pb.ListTracksResponse) -> Page:
    return Page(
        tracks=tuple(map(_track, message.tracks)),
        total_size=message.total_size,
        skipped=tuple(
            SkippedRow(position=each.position, before=bounds.text(each.before), after=bounds.text(each.after))
            for each in message.skipped
        ),
    )


def _track(message: pb.Track) -> PlexTrack:
    part = message.parts[0] if message.parts else pb.MediaPart()
    others = (bounds.exact(each.file, bounds.LONGEST_PATH) for each in message.parts[1:])
    title, artist, album = bounds.indexed(message.title, message.artist, message.album)
    return PlexTrack(
        rating_key=bounds.exact(message.rating_key, bounds.LONGEST_RATING_KEY),
        guid=bounds.exact(message.guid, bounds.LONGEST_GUID),
        title=title,
        artist=artist,
        album_artist=bounds.text(message.album_artist),
        album=album,
        year=bounds.number(message.year, bounds.LATEST_YEAR) or None,
        duration_seconds=bounds.seconds(message.duration_seconds),
        added_time=_time(message.add_time),
        updated_time=_time(message.update_time),
        file=bounds.exact(part.file, bounds.LONGEST_PATH),
        part_key=bounds.exact(part.key, bounds.LONGEST_KEY),
        size_bytes=bounds.number(part.size_bytes, bounds.LARGEST_SIZE),
        other_files=tuple(filter(None, others)),
        state=GenreState(genres=bounds.genres(message.genres), locked=message.genres_locked),
        impossible=tuple(message.impossible_values),
        library_key=message.library_key,
    )
