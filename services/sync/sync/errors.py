"""What can go wrong between Music ReClass and Plex, each with a reason for programs and a sentence for people."""

from typing import ClassVar

import grpc
from runtime.errors import ServiceError


class SyncError(ServiceError):
    """Root of the service's errors."""

    domain: ClassVar[str] = "reclass.sync"


class InvalidRequestError(SyncError):
    """The caller asked for something that the contract does not offer."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"


class NotConfiguredError(SyncError):
    """No Plex server was named."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "NOT_CONFIGURED"


class ConnectionLockedError(SyncError):
    """The environment sets a part of the connection, and wins."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "CONNECTION_LOCKED"


class TokenNeededError(SyncError):
    """A new address without its token: the one that is there was given for another."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "TOKEN_NEEDED"


class FolderUnwritableError(SyncError):
    """The connection cannot be kept."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "FOLDER_UNWRITABLE"


class TokenRefusedError(SyncError):
    """Plex does not accept the token, or not for this."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "TOKEN_REFUSED"


class ServerUnreachableError(SyncError):
    """Nobody answers at the address."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "SERVER_UNREACHABLE"


class NotPlexError(SyncError):
    """Somebody answers at the address, but not Plex."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "NOT_A_PLEX_SERVER"


class ServerTooOldError(SyncError):
    """The server's version cannot do this."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "SERVER_TOO_OLD"


class ServerBusyError(SyncError):
    """Plex is starting or in maintenance."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "SERVER_BUSY"


class TooManyRequestsError(SyncError):
    """Plex, or a proxy before it, asks to be left alone for a while; repeating at once would make it worse."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "SERVER_BUSY"


class ServerFailedError(SyncError):
    """Plex failed to answer this time."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "SERVER_ERROR"


class RequestRefusedError(SyncError):
    """Plex will not do this however often it is asked."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "SERVER_ERROR"


class NothingThereError(SyncError):
    """Plex has nothing at an address; callers that know what they looked for say it better."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SERVER_ERROR"


class NoBytesThereError(NothingThereError):
    """Plex has the file, and not these bytes of it."""


class LibraryNotFoundError(SyncError):
    """No music library has this key."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "LIBRARY_NOT_FOUND"


class TrackNotFoundError(SyncError):
    """No track has this rating key."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "TRACK_NOT_FOUND"


class SongListNotFoundError(SyncError):
    """No playlist or collection has this key."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SONG_LIST_NOT_FOUND"


class NoMediaError(SyncError):
    """The track has no file that could be read."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "NO_MEDIA"


class OffsetBeyondEndError(SyncError):
    """The file is shorter than the place to resume from: it changed since."""

    code = grpc.StatusCode.OUT_OF_RANGE
    reason = "INVALID_REQUEST"


class AudioCutShortError(SyncError):
    """The bytes of a file ended before its end."""

    code = grpc.StatusCode.DATA_LOSS
    reason = "AUDIO_CUT_SHORT"
    permanent = False  # Plex, or the line to it, broke off; the next reading may be whole


class ShortPageError(SyncError):
    """A listing stayed incomplete."""

    code = grpc.StatusCode.ABORTED
    reason = "SHORT_PAGE"


class GenresChangedError(SyncError):
    """Somebody changed the track since the caller looked; nothing was written."""

    code = grpc.StatusCode.ABORTED
    reason = "GENRES_CHANGED"
    permanent = True  # the caller has to look at the track anew first


class AnotherTrackError(SyncError):
    """The rating key was given to another track since the caller looked; nothing was written or read of it."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "ANOTHER_TRACK"


class AnotherSongListError(SyncError):
    """The key was given to another playlist or collection since the caller looked; nothing was read of it."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "ANOTHER_SONG_LIST"


class AnotherServerError(SyncError):
    """Another server is connected than the one that the track is of; nothing was written."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "ANOTHER_SERVER"


class WriteNotTakenError(SyncError):
    """Plex said yes, and the genres are not as asked."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "WRITE_NOT_TAKEN"
