"""From a reference to audio to the files that can be opened here, for as long as they are needed."""

import os
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from runtime.telemetry import get_logger

from features.errors import (
    AnotherTrackError,
    AudioNotFoundError,
    DiskFullError,
    FeatureError,
    InvalidRequestError,
    OutsideMediaFoldersError,
    PathNotMountedError,
    SyncUnavailableError,
)
from features.source.download import Downloads, TrackIdentity
from features.source.file_lookup import MediaFolders, PathMapping

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class AudioReference:
    """What to extract from: exactly one of path, rating key and content."""

    path: str = ""
    rating_key: str = ""
    path_hint: str = ""
    """With a rating key: the path by Plex's name, cheaper to read where it is mounted."""
    other_paths: tuple[str, ...] = ()
    """Of the song's other versions, the best first."""
    content: bytes = b""
    track: TrackIdentity | None = None
    """With a rating key: which track it is to be; None believes the key."""


class AudioSources:
    """Finds mounted files and fetches the others."""

    def __init__(self, folders: MediaFolders, downloads: Downloads) -> None:
        self._folders = folders
        self._downloads = downloads

    @property
    def has_own_mappings(self) -> bool:
        """Whether the environment sets path mappings; those of requests are not looked at then."""
        return bool(self._folders.mappings)

    def paths(
        self, audio: AudioReference, mappings: Sequence[PathMapping], patience_seconds: float | None = None
    ) -> Generator[str, None, None]:
        """Paths of files that hold the audio, the best first; the next is looked for when it is asked for.

        1. The files that are mounted: that of the reference, then the song's other versions.
        2. Where none is: the bytes that came with the request, or Plex's. Close the iterator, and the copy is gone.

        Raises InvalidRequestError, or what is wrong with the first of them where there is none.
        """
        if audio.content:
            with _nameless_file() as file:
                file.write(audio.content)
                yield _path_of(file)
            return
        wanted = [path for path in (audio.path or audio.path_hint, *audio.other_paths) if path]
        if not wanted and not audio.rating_key:
            raise InvalidRequestError(
                "the audio reference is empty: give a path, a rating key or the bytes of a file"
            )
        not_mounted: FeatureError | None = None
        is_mounted = False
        for path in dict.fromkeys(wanted):
            try:
                # Of those that are not mounted the first alone is told.
                found = str(self._folders.find(path, mappings, with_advice=not_mounted is None))
            except (AudioNotFoundError, OutsideMediaFoldersError, PathNotMountedError) as error:
                not_mounted = not_mounted or error
            else:
                is_mounted = True
                yield found
        if not is_mounted:
            yield from self._of_track(audio, not_mounted, patience_seconds)

    def _of_track(
        self, audio: AudioReference, not_mounted: FeatureError | None, patience_seconds: float | None
    ) -> Generator[str, None, None]:
        if not audio.rating_key:
            raise not_mounted or InvalidRequestError("the audio reference names no file")
        with _nameless_file() as file:
            log.info("reading through sync", rating_key=audio.rating_key, not_mounted=str(not_mounted or ""))
            try:
                self._downloads.fetch(audio.rating_key, file, patience_seconds, meant=audio.track)
            except (AnotherTrackError, AudioNotFoundError, SyncUnavailableError) as error:
                raise _with_path_error(error, not_mounted) from error
            yield _path_of(file)


def _with_path_error(error: FeatureError, not_mounted: Exception | None) -> FeatureError:
    """The same error, which names the path mapping too where that would have helped.

    What Plex itself has no longer is mounted nowhere, unless the file was found.
    """
    would_fit = isinstance(not_mounted, PathNotMountedError) and not_mounted.would_fit
    if not_mounted is None or (isinstance(error, AudioNotFoundError) and not would_fit):
        return error
    return type(error)(f"{error}. Its file was tried first: {not_mounted}")


@contextmanager
def _nameless_file() -> Iterator[BinaryIO]:
    """A file without a name in any folder: it vanishes with its last user, even one that was killed.

    Raises DiskFullError where it cannot be written.
    """
    try:
        with tempfile.TemporaryFile(prefix="reclass-") as file:
            yield cast(BinaryIO, file)
    except OSError as error:
        folder = tempfile.tempdir or "the folder for temporary files"
        raise DiskFullError(
            f"the bytes of the song cannot be written to {folder} ({error.strerror}): free space there, or mount the "
            "library, whose files are read where they are"
        ) from error


def _path_of(file: BinaryIO) -> str:
    """A path under which the processes of the pool, of the same user, can open the file."""
    file.flush()
    return f"/proc/{os.getpid()}/fd/{file.fileno()}"
