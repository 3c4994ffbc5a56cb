"""The bytes of a track's file as Plex serves them, checked against the length that it promised."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath

import requests
from requests import exceptions as faults

from sync import bounds
from sync.errors import (
    AudioCutShortError,
    NoBytesThereError,
    NoMediaError,
    NothingThereError,
    OffsetBeyondEndError,
    ServerFailedError,
)
from sync.media_types import media_type
from sync.plex import Plex
from sync.tracks import MediaPart, Track

CHUNK_BYTES = 128 * 1024
"""Somebody may wait for the first sound, which a slow line takes seconds to make a mebibyte of; and every piece is held
several times over on its way. Downloads are as fast as with eight times as much."""


@dataclass(frozen=True, kw_only=True)
class AudioHeader:
    """What comes before the bytes."""

    file_name: str
    """Without folders."""
    part_key: str
    """Plex's address of the bytes that follow."""
    size_bytes: int
    """Of the whole file; 0 where Plex does not say."""
    media_type: str
    """As "audio/flac"."""


@dataclass(frozen=True, kw_only=True)
class ByteSpan:
    """Which bytes of a file are wanted."""

    offset: int = 0
    length: int = 0
    """0: all that follow."""

    @property
    def header(self) -> dict[str, str]:
        """As HTTP asks for them."""
        if not (self.offset or self.length):
            return {}
        last = self.offset + self.length - 1 if self.length else ""
        return {"Range": f"bytes={self.offset}-{last}"}

    def end(self, size: int) -> int:
        """Behind its last byte in a file of so many bytes, or of unknown size (0); 0 where that is not known either."""
        ends = [end for end in (size, self.length and self.offset + self.length) if end]
        return min(ends, default=0)


def chosen_parts(track: Track, part_key: str) -> tuple[MediaPart, ...]:
    """The part asked for, or all, to be tried in this order. Raises NoMediaError when the track has none such."""
    parts = tuple(part for part in track.parts if part_key in ("", part.key))
    if parts:
        return parts
    if track.parts:
        raise NoMediaError(
            f"track {track.rating_key} ({track.title!r}) has no part {part_key}: its file changed since, "
            "read the track again"
        )
    raise NoMediaError(f"track {track.rating_key} ({track.title!r}) has no file in Plex")


def read(plex: Plex, parts: Sequence[MediaPart], span: ByteSpan) -> Iterator[AudioHeader | bytes]:
    """The header, then the bytes of the span in chunks of at most 1 MiB: of the first part that Plex still has.

    From an offset on, only the first will do: the bytes of another file would not go on where those of this one ended.
    """
    part, *others = parts
    pieces = _of_part(plex, part, span)
    try:
        header = next(pieces)
    except NoMediaError:
        if span.offset or not others:
            raise
        yield from read(plex, others, span)
    else:
        yield header
        yield from pieces


def _of_part(plex: Plex, part: MediaPart, span: ByteSpan) -> Iterator[AudioHeader | bytes]:
    try:
        with plex.stream(part.key, span.header) as response:
            size, begin = _extent(response, part, span)
            yield _header(part, size, response.headers.get("Content-Type", ""))
            yield from _checked(response, part, span, begin=begin, size=size)
    except NoBytesThereError as error:
        if span.offset:
            raise _beyond_end(part, span) from error
        yield _header(part, 0, "")  # not even the first byte is there: the file is empty
    except NothingThereError as error:
        if span.offset:
            raise _beyond_end(part, span) from error
        raise NoMediaError(
            f"Plex lists {part.file} and no longer has it: let Plex scan the library"
        ) from error


def _header(part: MediaPart, size: int, said_type: str) -> AudioHeader:
    # Windows paths know both separators.
    name = PureWindowsPath(part.file).name
    kind = media_type(container=part.container, file_name=name, said=said_type)
    return AudioHeader(file_name=name, size_bytes=size, part_key=part.key, media_type=kind)


def _beyond_end(part: MediaPart, span: ByteSpan) -> OffsetBeyondEndError:
    return OffsetBeyondEndError(f"{part.file} has no byte {span.offset} any more: read it from its start")


def _extent(response: requests.Response, part: MediaPart, span: ByteSpan) -> tuple[int, int]:
    """The whole file's size (0: unknown), and where in it the answer begins: at 0, if Plex ignored the range."""
    length = bounds.count(response.headers.get("Content-Length", ""), bounds.LARGEST_SIZE) or 0
    if response.status_code == requests.codes.partial_content:
        return _of_range(response.headers.get("Content-Range", ""), part, span, length), span.offset
    size = length or part.size_bytes
    if span.offset and size and span.offset >= size:
        raise OffsetBeyondEndError(
            f"{part.file} has {size} bytes, none at {span.offset}: read it from its start"
        )
    return size, 0


def _of_range(content_range: str, part: MediaPart, span: ByteSpan, length: int) -> int:
    """The size of the file of which a part came, and not another part than was asked for."""
    place, _, total = content_range.removeprefix("bytes").strip().partition("/")
    begin = bounds.count(place.partition("-")[0], bounds.LARGEST_SIZE)
    if begin not in (None, span.offset):
        raise ServerFailedError(
            f"Plex sent {part.file} from byte {begin} on, where byte {span.offset} was asked for; try again"
        )
    whole = bounds.count(total, bounds.LARGEST_SIZE)
    if whole is not None:
        return whole
    return part.size_bytes if span.length else span.offset + length


def _checked(
    response: requests.Response, part: MediaPart, span: ByteSpan, *, begin: int, size: int
) -> Iterator[bytes]:
    position, end = begin, span.end(size)
    try:
        for chunk in response.iter_content(CHUNK_BYTES):
            wanted = chunk[max(0, span.offset - position) : end - position if end else None]
            position += len(chunk)
            if wanted:
                yield wanted
            if end and position >= end:
                return
    except faults.ChunkedEncodingError as fault:
        raise _cut_short(part, position, end) from fault
    if position < end and size:
        raise _cut_short(part, position, end)


def _cut_short(part: MediaPart, position: int, size: int) -> AudioCutShortError:
    return AudioCutShortError(
        f"Plex ended {part.file} at byte {position} of {size}: resume there, or check the file on the Plex server"
    )
