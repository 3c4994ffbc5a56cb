"""What can be wrong with a song, or with the way to it: one exception each, with its gRPC code and reason."""

from typing import ClassVar

import grpc
from runtime.errors import ServiceError


class FeatureError(ServiceError):
    """Root of the errors that this service answers with."""

    domain: ClassVar[str] = "reclass.features"

    def __init__(self, message: str, *, detail: object = "") -> None:
        super().__init__(message)
        self.detail = str(detail)
        """What a library said of it: for the log, never for a person who asks about a song."""


class InvalidRequestError(FeatureError):
    """The request makes no sense; its message says what is wrong with it."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"


class AudioNotFoundError(FeatureError):
    """No readable file is where the reference points. A share that is mounted later brings it back."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "AUDIO_NOT_FOUND"
    permanent = False  # a share that is mounted later brings it back


class OutsideMediaFoldersError(FeatureError):
    """The path, its links followed, leaves the folders whose files may be read."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "OUTSIDE_MEDIA_FOLDERS"


class PathNotMountedError(FeatureError):
    """The path is another machine's name for a file; a path mapping is missing."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "PATH_NOT_MOUNTED"
    permanent = False  # a mapping is added, or the folder mounted

    def __init__(self, message: str, *, detail: object = "", would_fit: bool = False) -> None:
        super().__init__(message, detail=detail)
        self.would_fit = would_fit
        """Whether the message names a mapping under which the file is found."""


class SyncUnavailableError(FeatureError):
    """The bytes could not be read from Plex through the sync service."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "SYNC_UNAVAILABLE"


class AnotherTrackError(FeatureError):
    """Plex has another track under the rating key than the one that is meant."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "ANOTHER_TRACK"


class TooLargeError(FeatureError):
    """The audio has more bytes than are taken without a mounted file."""

    code = grpc.StatusCode.OUT_OF_RANGE
    reason = "TOO_LARGE"


class NotAudioError(FeatureError):
    """The file holds no audio that can be decoded."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "NOT_AUDIO"


class NoSamplesError(FeatureError):
    """The file is audio, and holds not one sample."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "NO_SAMPLES"


class InvalidSamplesError(FeatureError):
    """The samples are not numbers, or beyond all sound."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_SAMPLES"


class TooShortError(FeatureError):
    """The song is shorter than five seconds."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "TOO_SHORT"


class TooLongError(FeatureError):
    """The song is to be taken whole, and is longer than fits into memory."""

    code = grpc.StatusCode.OUT_OF_RANGE
    reason = "TOO_LONG"


class SilentError(FeatureError):
    """The excerpt is digital silence."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "SILENT"


class DamagedError(FeatureError):
    """The file opens, and then cannot be decoded through the excerpt."""

    code = grpc.StatusCode.DATA_LOSS
    reason = "DAMAGED"


class TruncatedError(FeatureError):
    """The file, or the sound in it, ends before its own header says."""

    code = grpc.StatusCode.DATA_LOSS
    reason = "TRUNCATED"


class TimedOutError(FeatureError):
    """The extraction took longer than the limit, or than the caller would wait."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = "TIMED_OUT"


class DecoderCrashedError(FeatureError):
    """The process that decoded the song died. Other songs are not touched."""

    code = grpc.StatusCode.INTERNAL
    reason = "DECODER_CRASHED"


class ProcessesLostError(FeatureError):
    """The processes that analyse songs died twice before the song was through. They are started anew."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "PROCESSES_LOST"


class OutOfMemoryError(FeatureError):
    """The song needs more memory than a process may have. Other songs are not touched."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "OUT_OF_MEMORY"
    permanent = True  # the same song needs as much the next time


class DiskFullError(FeatureError):
    """There is no room for the bytes of a song that is not mounted here."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "DISK_FULL"


class TooManyStreamsError(FeatureError):
    """As many streams of songs are open as are taken."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "TOO_MANY_STREAMS"


class EmbeddingError(Exception):
    """An embedding cannot be computed. The song is not at fault, so it is told beside its other vectors."""

    permanent: ClassVar[bool]


class ModelNotInstalledError(EmbeddingError):
    """There is nothing to load."""

    permanent = True


class ModelDamagedError(EmbeddingError):
    """What there is to load is not what was published. Every song would fare alike, until a person puts it right."""

    permanent = True


class ModelUnavailableError(EmbeddingError):
    """The model does not answer as it was asked to; later it may."""

    permanent = False
