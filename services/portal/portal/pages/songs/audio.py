"""The sound of a song for a player in the browser: the bytes of its file out of Plex, part by part as it asks for them.

They pass through and are kept nowhere. A browser that pauses stops taking them, and Plex stops being asked.
"""

import html
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import PureWindowsPath
from threading import BoundedSemaphore
from typing import Any

import grpc
from django.conf import settings
from django.db import connection
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    StreamingHttpResponse,
)
from django.urls import reverse
from runtime.errors import RemoteError
from runtime.telemetry import get_logger

from portal.library.models import Track
from portal.pages.sentences import on_page_as_text
from portal.pages.songs.byte_range import AskedRange, Place
from portal.remote.plex import AudioFile
from portal.remote.sync import AudioReading, sync_at_hand

PATH = re.compile(r"/admin/library/track/[0-9]+/audio")
"""Of all of them, for the server to tell them from pages."""
STREAMS = 12
"""Songs that are sent at the same time; each holds one of the threads of sync, which has 32 for everything."""
FREED_SECONDS = 5
"""After which a place may be free again."""
AWAY_SECONDS = 10
_STATUSES = {
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.OUT_OF_RANGE: 416,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 503,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
_OTHERWISE = 502
_SOUND = re.compile(r"audio/[a-z0-9.+-]{1,64}")
_UNKNOWN = "application/octet-stream"
log = get_logger(__name__)
_places = BoundedSemaphore(STREAMS)
Read = Callable[..., AudioReading]


class AllPlacesTakenError(Exception):
    """So many songs are sent that another one would slow them down."""


class BeyondEndError(Exception):
    """The file is shorter than the place where the browser wants to begin."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self.size_bytes = size_bytes


def player(track: Track, *, from_middle: bool = False) -> dict[str, Any] | None:
    """What portal/player.html shows; None where Plex has nothing to play. `from_middle`: it begins with the part that
    was analysed."""
    if track.removed_time or not track.file:
        return None
    return {
        "address": reverse("admin:library_track_audio", args=(track.pk,)),
        "name": f"{track.name}, {track.artist}" if track.artist else track.name,
        "file_name": PureWindowsPath(track.file).name,  # Windows paths know both separators
        "from_middle": from_middle,
    }


def answer(request: HttpRequest, track: Track | None) -> HttpResponseBase:
    """The song's file, or the part of it that was asked for; else a sentence that says why not."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if track is None:
        return _sentence(404, "There is no such song.")
    if track.removed_time or not track.file:
        return _sentence(410, "Plex has no file of this song any more.")
    try:
        with ExitStack() as held:
            held.enter_context(_place())
            sync = held.enter_context(sync_at_hand(settings.RECLASS))
            read = partial(sync.read_audio, track.rating_key, meant=track)
            return _answered(request, read, held)
    except AllPlacesTakenError:
        said = f"{STREAMS} songs are being played, and no more at a time: stop one, or try again in a moment."
        return _sentence(503, said, retry_seconds=FREED_SECONDS)
    except BeyondEndError as error:
        return _beyond(error.size_bytes)
    except RemoteError as error:
        return _refused(error)


def _answered(request: HttpRequest, read: Read, held: ExitStack) -> HttpResponseBase:
    """Moves what is held to the answer, where that goes on after this."""
    if request.method == "HEAD":
        return _with_headers(HttpResponse(), _file(read))
    reading, place = _opened(read, AskedRange.parse(request.headers.get("Range", "")))
    held.callback(reading.close)
    if not connection.in_atomic_block:
        connection.close()  # a song takes minutes, and the database has few connections
    sound = _Sound(reading, held.pop_all())
    return _with_headers(StreamingHttpResponse(sound, status=206 if place else 200), reading.file, place)


def _opened(read: Read, asked: AskedRange | None) -> tuple[AudioReading, Place | None]:
    """The bytes to send, and where they are in the file; None: they are all of it.

    From the first byte on it is read at once, and its size comes with it. Else the size is asked for first; where
    nobody knows it no part can be named, and the whole file is sent. Raises `BeyondEndError`.
    """
    if asked is not None and not asked.begins_the_file:
        file = _file(read)
        if place := asked.within(file.size_bytes):
            return read(part_key=file.part_key, offset=place.first, length=place.length), place
        if file.size_bytes:
            raise BeyondEndError(file.size_bytes)
        asked = None
    reading = read(length=asked.longest) if asked else read()
    place = asked.within(reading.file.size_bytes) if asked else None
    if place or not (asked and asked.longest):
        return reading, place
    reading.close()
    return read(), None


def _file(read: Read) -> AudioFile:
    with closing(read(length=1)) as reading:
        list(reading)  # sync can use its connection to Plex again only when all was taken
        return reading.file


def _with_headers(response: Any, file: AudioFile, place: Place | None = None) -> HttpResponseBase:
    response.headers["Content-Type"] = file.media_type if _SOUND.fullmatch(file.media_type) else _UNKNOWN
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Accel-Buffering"] = (
        "no"  # nginx would fetch the whole file for a browser that has paused
    )
    if file.size_bytes:
        response.headers["Accept-Ranges"] = "bytes"
        response.headers["Content-Length"] = str(place.length if place else file.size_bytes)
    if place:
        response.headers["Content-Range"] = place.content_range(file.size_bytes)
    answered: HttpResponseBase = response
    return answered


class _Sound:
    """The bytes as they come; at their end, and where the browser goes away before, everything held is let go."""

    def __init__(self, reading: AudioReading, held: ExitStack) -> None:
        self._pieces, self._held = iter(reading), held

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except RemoteError as error:
            # The status is sent. The connection ends before the length that was said, and the browser asks again.
            log.warning("a song broke off while it was played", code=error.code.name, error=error.message)
            raise StopIteration from error

    def close(self) -> None:
        """Let go."""
        self._held.close()


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise AllPlacesTakenError
    try:
        yield
    finally:
        _places.release()


def _refused(error: RemoteError) -> HttpResponse:
    status = 409 if error.reason == "ANOTHER_TRACK" else _STATUSES.get(error.code, _OTHERWISE)
    said = html.unescape(on_page_as_text(error.message))
    return _sentence(status, said, retry_seconds=AWAY_SECONDS if status == 503 else 0)


def _beyond(size_bytes: int) -> HttpResponse:
    response = _sentence(416, f"The file has {size_bytes} bytes: there is none where this was to begin.")
    response.headers["Content-Range"] = f"bytes */{size_bytes}"
    return response


def _sentence(status: int, said: str, *, retry_seconds: int = 0) -> HttpResponse:
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": str(retry_seconds)} if retry_seconds else {})
    return HttpResponse(said, status=status, content_type="text/plain; charset=utf-8", headers=headers)
