"""The content key: an identity of the sound in a file that outlives new tags, another name and another folder."""

import hashlib
from typing import BinaryIO

from features.audio.mpeg import read_at
from features.audio.payload import OGG_PAGE_HEADER, Payload, find_payload

# Part of each key, so that keys of another algorithm never equal these.
KEY_VERSION = 1
SLICES = 16
SLICE_BYTES = 16 * 1024
# In an Ogg page: the stream's serial, the page's number and its checksum; taggers write them anew.
OGG_MUTABLE = slice(14, 26)


def content_key(file: BinaryIO) -> str:
    """Key of the sound in a seekable file: its size and a hash of evenly spread slices of it.

    At most 256 KiB are read, so that a share on the network is not read twice for each song.
    """
    payload = find_payload(file)
    digest = hashlib.blake2b(digest_size=16)
    for position in _slice_positions(payload.size):
        digest.update(_slice(file, payload, position))
    return f"{KEY_VERSION}-{payload.size}-{digest.hexdigest()}"


def _slice_positions(size: int) -> list[int]:
    """Offsets into the payload, from its first byte to its last slice."""
    if size <= SLICES * SLICE_BYTES:
        return list(range(0, size, SLICE_BYTES))
    step = (size - SLICE_BYTES) / (SLICES - 1)
    return [round(i * step) for i in range(SLICES)]


def _slice(file: BinaryIO, payload: Payload, position: int) -> bytes:
    if payload.container != "ogg":
        return _read_payload(file, payload, position, SLICE_BYTES)
    # A page header may begin before the slice, so that only a margin shows it.
    margin = min(OGG_PAGE_HEADER, position)
    wide = bytearray(_read_payload(file, payload, position - margin, margin + SLICE_BYTES + OGG_PAGE_HEADER))
    page = wide.find(b"OggS\0")
    while page >= 0:
        length = len(wide[page:][OGG_MUTABLE])
        wide[page + OGG_MUTABLE.start : page + OGG_MUTABLE.start + length] = bytes(length)
        page = wide.find(b"OggS\0", page + OGG_PAGE_HEADER)
    return bytes(wide[margin : margin + SLICE_BYTES])


def _read_payload(file: BinaryIO, payload: Payload, position: int, size: int) -> bytes:
    """`size` bytes from `position` of the payload on, across its spans."""
    pieces = []
    for offset, length in payload.spans:
        if position < length and size > 0:
            piece = read_at(file, offset + position, min(size, length - position))
            pieces.append(piece)
            size -= len(piece)
            position = 0
        else:
            position = max(0, position - length)
    return b"".join(pieces)
