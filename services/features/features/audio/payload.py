"""Where the sound lies in a file, apart from its tags, and whether all of it is there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from features.audio.mpeg import (
    has_several_bit_rates,
    promised_size,
    read_at,
    skip_leading_tags,
    skip_padding,
    skip_trailing_tags,
)

# Headers overshoot a little in sound files: padding that was never written, a frame that is not counted.
TOLERATED_LOSS = 0.02
OGG_PAGE_HEADER = 27
# In a page's kind: it is the first of its stream.
OGG_BEGINS = 2
OGG_MAX_PAGE = OGG_PAGE_HEADER + 255 + 255 * 255
ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
# The largest that its makers allow.
WAVPACK_MAX_BLOCK = 1 << 20
# A real file has a handful; one of zeros would have a billion.
MAX_RIFF_CHUNKS = 1_000
RIFF_MARKS = frozenset({b"RIFF", b"RF64", b"BW64", b"FORM"})
# Films and pictures lie in the same chunks.
RIFF_FORMS = frozenset({b"WAVE", b"AIFF", b"AIFC", b"RMP3"})
# How surround sound begins that a WAV holds in place of samples, as a disc hands it to an amplifier: S/PDIF, and DTS in
# words of 16 bits and of 14.
PACKED_MARKS = (b"\x72\xf8\x1f\x4e", b"\xfe\x7f\x01\x80", b"\xff\x1f\x00\xe8")
PACKED_WITHIN = 1 << 16
# Sizes that a writer to a pipe leaves, since it never learns the real one: 0, or about as much as 31 or 32 bits can say
# (0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF less the header), which would be three hours of sound at least.
PIPE_SIZES = 0x7FFF_0000


@dataclass(frozen=True, kw_only=True)
class Payload:
    """The encoded sound of a file."""

    container: str
    """"flac", "ogg", "mp4", "riff", "asf", "wavpack"; "stream" for whatever is frames between tags (MP3, AAC, ...)."""
    spans: tuple[tuple[int, int], ...]
    """Offset and size of the pieces that are there, in order."""
    is_truncated: bool
    """Whether the file ends before its own headers say."""
    share: float = 1.0
    """Of the samples that the header of a WAV or AIFF promises, those that are there."""
    has_length: bool = True
    """Whether a header says how long frames between tags last; without one the length of an MP3 is a guess."""
    is_overlong: bool = False
    """Whether there is more than its headers say: an MP3 to which another was added."""
    is_variable: bool = False
    """Whether the bit rate of an MP3 without such a header changes, so that a guess by it would be wrong."""
    is_chained: bool = False
    """Whether Ogg files were joined to the first, as of a radio station."""
    is_packed: bool = False
    """Whether the samples of a WAV are none: encoded surround sound, which would be noise."""

    @property
    def size(self) -> int:
        """Bytes of sound."""
        return sum(size for _, size in self.spans)


def find_payload(file: BinaryIO) -> Payload:
    """Find the sound in a seekable file of any format; what is not understood is taken whole, without tags."""
    end = file.seek(0, os.SEEK_END)
    start = skip_leading_tags(file)
    magic = read_at(file, start, 16)
    if magic.startswith(b"fLaC"):
        return _flac(file, start, end)
    if magic.startswith(b"OggS"):
        return _ogg(file, start, end)
    if magic[4:8] == b"ftyp":
        return _mp4(file, start, end)
    if magic[:4] in RIFF_MARKS and magic[8:12] in RIFF_FORMS:
        return _riff(file, start, end)
    if magic == ASF_HEADER:
        return _asf(file, start, end)
    if magic.startswith(b"wvpk"):
        return _wavpack(file, start, end)
    return _stream(file, start, end)


def _stream(file: BinaryIO, start: int, end: int) -> Payload:
    start = min(skip_padding(file, start), end)
    size = skip_trailing_tags(file, start, end) - start
    promised = promised_size(file, start)
    # Some encoders count the tags among the promised bytes, so the whole file may keep the promise.
    is_truncated = promised is not None and _is_short(end, promised)
    is_overlong = promised is not None and promised > 0 and _is_short(promised, size)
    return Payload(
        container="stream",
        spans=((start, size),),
        is_truncated=is_truncated,
        is_overlong=is_overlong,
        has_length=promised is not None,
        is_variable=promised is None and has_several_bit_rates(file, start, size),
    )


def _wavpack(file: BinaryIO, start: int, end: int) -> Payload:
    stop = skip_trailing_tags(file, start, end)
    tail_start = max(start, stop - WAVPACK_MAX_BLOCK)
    tail = read_at(file, tail_start, stop - tail_start)
    block = tail[max(0, tail.rfind(b"wvpk")) :]
    is_truncated = len(block) < 8 + int.from_bytes(block[4:8], "little")
    return Payload(container="wavpack", spans=((start, stop - start),), is_truncated=is_truncated)


def _flac(file: BinaryIO, start: int, end: int) -> Payload:
    offset, is_last = start + 4, False
    # STREAMINFO comes first; a length of zero is one that the encoder did not know.
    promised = int.from_bytes(read_at(file, start + 21, 5)) & 0xF_FFFF_FFFF
    while not is_last:
        header = read_at(file, offset, 4)
        if len(header) < 4:
            return Payload(container="flac", spans=(), is_truncated=True)
        is_last = bool(header[0] & 0x80)
        offset += 4 + int.from_bytes(header[1:])
    size = max(0, skip_trailing_tags(file, min(offset, end), end) - offset)
    return Payload(container="flac", spans=((offset, size),), is_truncated=size == 0 and promised > 0)


def _mp4(file: BinaryIO, start: int, end: int) -> Payload:
    spans: list[tuple[int, int]] = []
    is_truncated, has_index = False, False
    for kind, offset, size in _mp4_boxes(file, start, end):
        there = min(size, end - offset)
        # What follows the last box may be anything.
        is_truncated |= kind in (b"mdat", b"moov") and _is_short(there, size)
        has_index |= kind == b"moov"
        if kind == b"mdat":
            spans.append((offset, there))
    return Payload(container="mp4", spans=tuple(spans), is_truncated=is_truncated or not has_index)


def _mp4_boxes(file: BinaryIO, offset: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, offset and size of the content of each box."""
    while offset + 8 <= end:
        header = read_at(file, offset, 16)
        size, kind, head = int.from_bytes(header[:4]), header[4:8], 8
        if size == 1:
            size, head = int.from_bytes(header[8:16]), 16
        elif size == 0:
            size = end - offset
        if size < head:
            return
        yield kind, offset + head, size - head
        offset += size


def _riff(file: BinaryIO, start: int, end: int) -> Payload:
    """WAV and AIFF: the data chunk alone."""
    order = "big" if read_at(file, start, 4) == b"FORM" else "little"
    offset, long_size = start + 12, None
    for _ in range(MAX_RIFF_CHUNKS):
        header = read_at(file, offset, 24)
        kind, size = header[:4], int.from_bytes(header[4:8], order)  # type: ignore[arg-type] # one of two literals
        if kind == b"ds64":
            long_size = int.from_bytes(header[16:24], "little")
        if kind in (b"data", b"SSND"):
            return _riff_data(file, offset + 8, size if long_size is None else long_size, end)
        offset += 8 + size + size % 2
        if offset + 8 > end:
            break
    return Payload(container="riff", spans=(), is_truncated=True)


def _riff_data(file: BinaryIO, offset: int, size: int, end: int) -> Payload:
    rest = max(0, end - offset)
    is_unknown = size == 0 or (rest < size and size >= PIPE_SIZES)
    there = rest if is_unknown else min(size, rest)
    return Payload(
        container="riff",
        spans=((offset, there),),
        is_truncated=not is_unknown and _is_short(there, size),
        share=1.0 if is_unknown or not there else there / size,
        is_packed=_is_packed(read_at(file, offset, min(there, PACKED_WITHIN))),
    )


def _is_packed(beginning: bytes) -> bool:
    return any(mark in beginning for mark in PACKED_MARKS)


def _asf(file: BinaryIO, start: int, end: int) -> Payload:
    offset = start
    while offset + 24 <= end:
        header = read_at(file, offset, 24)
        size = int.from_bytes(header[16:24], "little")
        if header[:16] == ASF_DATA:
            there = min(size, end - offset) - 24
            return Payload(
                container="asf", spans=((offset + 24, there),), is_truncated=_is_short(there, size - 24)
            )
        if size < 24:
            break
        offset += size
    return Payload(container="asf", spans=(), is_truncated=True)


def _ogg(file: BinaryIO, start: int, end: int) -> Payload:
    """The pages behind those of the header packets, page headers included."""
    offset, packets, header_packets, serial = start, 0, 0, b""
    begun: set[bytes] = set()
    while True:
        header = read_at(file, offset, OGG_PAGE_HEADER + 255)
        if len(header) < OGG_PAGE_HEADER or header[:4] != b"OggS":
            return Payload(container="ogg", spans=(), is_truncated=True)
        lacing = header[OGG_PAGE_HEADER : OGG_PAGE_HEADER + header[26]]
        body = offset + OGG_PAGE_HEADER + len(lacing)
        if header[5] & OGG_BEGINS:
            begun.add(header[14:18])
        if not serial:
            serial, header_packets = header[14:18], _ogg_header_packets(read_at(file, body, 16))
        if header[14:18] == serial:
            packets += sum(length < 255 for length in lacing)
        offset = body + sum(lacing)
        if packets >= header_packets:
            break
    size = max(0, end - offset)
    last = _last_page(file, min(offset, end), end)
    return Payload(
        container="ogg",
        spans=((offset, size),),
        is_truncated=not size or _is_cut(last),
        is_chained=len(last) >= OGG_PAGE_HEADER and last[14:18] not in begun,
    )


def _ogg_header_packets(first_packet: bytes) -> int:
    if first_packet.startswith(b"\x01vorbis"):
        return 3
    if first_packet.startswith(b"\x7fFLAC"):
        return 1 + int.from_bytes(first_packet[7:9])
    return 2


def _last_page(file: BinaryIO, start: int, end: int) -> bytes:
    """From its mark to the end of the file; empty where there is none."""
    tail_start = max(start, end - OGG_MAX_PAGE)
    tail = read_at(file, tail_start, end - tail_start)
    last = tail.rfind(b"OggS\0")
    return tail[last:] if last >= 0 else b""


def _is_cut(page: bytes) -> bool:
    if len(page) < OGG_PAGE_HEADER:
        return True
    lacing = page[OGG_PAGE_HEADER : OGG_PAGE_HEADER + page[26]]
    return len(page) < OGG_PAGE_HEADER + page[26] + sum(lacing)


def _is_short(there: int, promised: int) -> bool:
    return there < promised * (1 - TOLERATED_LOSS)
