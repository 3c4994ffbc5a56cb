"""From a reference to audio to a file that can be opened here, for as long as it is needed."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from runtime.telemetry import get_logger

from features.download import Downloads
from features.errors import (
    AudioNotFound,
    FeatureError,
    InvalidRequest,
    OutsideMediaFolders,
    PathNotMounted,
    SyncUnavailable,
)
from features.location import MediaFolders, PathMapping

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class AudioReference:
    """What to listen to: exactly one of path, rating key and content."""

    path: str = ""
    rating_key: str = ""
    path_hint: str = ""
    """With a rating key: the path by Plex's name, cheaper to read where it is mounted."""
    content: bytes = b""


class AudioSources:
    """Finds mounted files and fetches the others."""

    def __init__(self, folders: MediaFolders, downloads: Downloads) -> None:
        self._folders = folders
        self._downloads = downloads

    @property
    def has_own_mappings(self) -> bool:
        """Whether the environment sets path mappings; those of requests are not looked at then."""
        return bool(self._folders.mappings)

    @contextmanager
    def opened(
        self, audio: AudioReference, mappings: Sequence[PathMapping], patience_seconds: float | None = None
    ) -> Iterator[str]:
        """The path of a file that holds the audio; a copy made for it is gone afterwards, whatever happens."""
        if audio.path:
            yield str(self._folders.find(audio.path, mappings))
        elif audio.rating_key:
            with self._of_track(audio, mappings, patience_seconds) as path:
                yield path
        elif audio.content:
            with _nameless_file() as file:
                file.write(audio.content)
                yield _path_of(file)
        else:
            raise InvalidRequest(
                "the audio reference is empty: give a path, a rating key or the bytes of a file"
            )

    @contextmanager
    def _of_track(
        self, audio: AudioReference, mappings: Sequence[PathMapping], patience_seconds: float | None
    ) -> Iterator[str]:
        not_mounted: Exception | None = None
        if audio.path_hint:
            try:
                mounted = str(self._folders.find(audio.path_hint, mappings))
            except (AudioNotFound, OutsideMediaFolders, PathNotMounted) as error:
                not_mounted = error
            else:
                yield mounted
                return
        with _nameless_file() as file:
            log.info("reading through sync", rating_key=audio.rating_key, not_mounted=str(not_mounted or ""))
            try:
                self._downloads.fetch(audio.rating_key, file, patience_seconds)
            except (AudioNotFound, SyncUnavailable) as error:
                raise _with_path_error(error, not_mounted) from error
            yield _path_of(file)


def _with_path_error(error: FeatureError, not_mounted: Exception | None) -> FeatureError:
    """The same error, which names the path mapping too where that would have helped."""
    return error if not_mounted is None else type(error)(f"{error}. Its file was tried first: {not_mounted}")


@contextmanager
def _nameless_file() -> Iterator[BinaryIO]:
    """A file without a name in any folder: it vanishes with its last user, even one that was killed."""
    with tempfile.TemporaryFile(prefix="reclass-") as file:
        yield cast(BinaryIO, file)


def _path_of(file: BinaryIO) -> str:
    """A path under which the processes of the pool, of the same user, can open the file."""
    file.flush()
    return f"/proc/{os.getpid()}/fd/{file.fileno()}"
