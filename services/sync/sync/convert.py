"""Between the service's own values and the messages of its contract."""

from google.protobuf.timestamp_pb2 import Timestamp
from reclass.sync.v1 import sync_pb2 as pb
from runtime.messages import message_of

from sync.connection import Source
from sync.errors import InvalidRequestError
from sync.identity import SongListIdentity, TrackIdentity
from sync.listing import SkippedRow
from sync.song_lists import SongList
from sync.tracks import GenreState, MediaPart, MusicLibrary, ServerIdentity, Track


def server_message(identity: ServerIdentity) -> pb.CheckServerResponse:
    """Who answered."""
    return message_of(pb.CheckServerResponse, identity, supports_track_genres=identity.has_track_genres)


def library_message(library: MusicLibrary, track_count: int) -> pb.Library:
    """A library with the number of its tracks."""
    return message_of(pb.Library, library, track_count=track_count)


def song_list_message(each: SongList) -> pb.SongList:
    """A playlist or collection."""
    return message_of(pb.SongList, each)


def listed_track(track: Track) -> pb.Track:
    """A track without its genres, for a listing never has all of them."""
    return pb.Track(
        rating_key=str(track.rating_key),
        guid=track.guid,
        title=track.title,
        artist=track.artist,
        album_artist=track.album_artist,
        album=track.album,
        year=track.year,
        track_number=track.track_number,
        disc_number=track.disc_number,
        duration_seconds=track.duration_seconds,
        add_time=Timestamp(seconds=track.added_time),
        update_time=Timestamp(seconds=track.updated_time),
        parts=[part_message(part) for part in track.parts],
        library_key=track.library_key,
        impossible_values=track.impossible,
    )


def full_track(track: Track) -> pb.Track:
    """A track with its genres and their lock."""
    message = listed_track(track)
    message.genres.extend(track.genre_state.genres)
    message.genres_locked = track.genre_state.locked
    return message


def skipped_message(row: SkippedRow) -> pb.SkippedRow:
    """A row that Plex cannot show."""
    return message_of(pb.SkippedRow, row)


def part_message(part: MediaPart) -> pb.MediaPart:
    """One file."""
    return pb.MediaPart(key=part.key, file=part.file, size_bytes=part.size_bytes, container=part.container)


def state_message(state: GenreState) -> pb.GenreState:
    """Genres and lock."""
    return pb.GenreState(genres=state.genres, locked=state.locked)


def state_of(message: pb.GenreState) -> GenreState:
    """The same the other way."""
    return GenreState(genres=tuple(message.genres), locked=message.locked)


def identity_of(message: pb.TrackIdentity) -> TrackIdentity:
    """The track that a caller means."""
    return TrackIdentity(
        guid=message.guid,
        file=message.file,
        title=message.title,
        artist=message.artist,
        server_id=message.server_id,
    )


def list_identity_of(message: pb.SongListIdentity) -> SongListIdentity:
    """The playlist or collection that a caller means."""
    return SongListIdentity(guid=message.guid, title=message.title)


def lock_of(change: pb.LockChange.ValueType) -> bool | None:
    """The lock to set; None keeps the one that is there."""
    locks = {
        pb.LOCK_CHANGE_UNSPECIFIED: True,
        pb.LOCK_CHANGE_LOCK: True,
        pb.LOCK_CHANGE_UNLOCK: False,
        pb.LOCK_CHANGE_KEEP: None,
    }
    if change not in locks:
        raise InvalidRequestError(f"lock is {change}: LOCK, UNLOCK or KEEP can be asked for")
    return locks[change]


_SOURCES = {
    Source.NONE: pb.CONNECTION_SOURCE_NONE,
    Source.STORED: pb.CONNECTION_SOURCE_STORED,
    Source.ENVIRONMENT: pb.CONNECTION_SOURCE_ENVIRONMENT,
}


def source_number(source: Source) -> "pb.ConnectionSource.ValueType":
    """Where a part of the connection comes from."""
    return _SOURCES[source]
