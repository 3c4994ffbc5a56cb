"""The bytes of a track's file as Plex serves them, checked against the length that it promised."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath

import requests
from requests import exceptions as faults

from sync import bounds
from sync.errors import AudioCutShortError, NoMediaError, NothingThereError, OffsetBeyondEndError
from sync.plex import Plex
from sync.tracks import MediaPart, Track

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class AudioHeader:
    """What comes before the bytes."""

    file_name: str
    """Without folders."""
    part_key: str
    """Plex's address of the bytes that follow."""
    size_bytes: int
    """Of the whole file."""


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


def read(plex: Plex, parts: Sequence[MediaPart], offset: int) -> Iterator[AudioHeader | bytes]:
    """The header, then the bytes from `offset` on in chunks of at most 1 MiB: of the first part that Plex still has.

    From an offset on, only the first will do: the bytes of another file would not go on where those of this one ended.
    """
    part, *others = parts
    pieces = _of_part(plex, part, offset)
    try:
        header = next(pieces)
    except NoMediaError:
        if offset or not others:
            raise
        yield from read(plex, others, offset)
    else:
        yield header
        yield from pieces


def _of_part(plex: Plex, part: MediaPart, offset: int) -> Iterator[AudioHeader | bytes]:
    try:
        with plex.stream(part.key, offset) as response:
            size, skip = _extent(response, part, offset)
            # Windows paths know both separators.
            name = PureWindowsPath(part.file).name
            yield AudioHeader(file_name=name, size_bytes=size, part_key=part.key)
            yield from _checked(response, part, begin=offset - skip, skip=skip, size=size)
    except NothingThereError as error:
        if offset:
            raise OffsetBeyondEndError(
                f"{part.file} has no byte {offset} any more: read it from its start"
            ) from error
        raise NoMediaError(
            f"Plex lists {part.file} and no longer has it: let Plex scan the library"
        ) from error


def _extent(response: requests.Response, part: MediaPart, offset: int) -> tuple[int, int]:
    """The whole file's size, and how many bytes to pass over where the server ignored the offset."""
    length = bounds.count(response.headers.get("Content-Length", ""), bounds.LARGEST_SIZE) or 0
    if response.status_code == requests.codes.partial_content:
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
        whole = bounds.count(total, bounds.LARGEST_SIZE)
        return (offset + length if whole is None else whole), 0
    size = length or part.size_bytes
    if size and offset > size:
        raise OffsetBeyondEndError(f"{part.file} has {size} bytes, none at {offset}: read it from its start")
    return size, offset


def _checked(
    response: requests.Response, part: MediaPart, *, begin: int, skip: int, size: int
) -> Iterator[bytes]:
    position = begin
    try:
        for chunk in response.iter_content(CHUNK_BYTES):
            position += len(chunk)
            wanted = chunk[min(skip, len(chunk)) :]
            skip -= len(chunk) - len(wanted)
            if wanted:
                yield wanted
    except faults.ChunkedEncodingError as fault:
        raise _cut_short(part, position, size) from fault
    if position < size:
        raise _cut_short(part, position, size)


def _cut_short(part: MediaPart, position: int, size: int) -> AudioCutShortError:
    return AudioCutShortError(
        f"Plex ended {part.file} at byte {position} of {size}: resume there, or check the file on the Plex server"
    )
