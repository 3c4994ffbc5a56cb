"""Where an MPEG stream begins and ends among the tags around it, and how long it says it is."""

import struct
from typing import BinaryIO

ID3V1_SIZE = 128
ID3V1_EXTENDED_SIZE = 227
# Some taggers leave zeros between a tag and the first frame.
MAX_PADDING = 1 << 20
# Of layer III, in kbit/s, by the four bits of a header: of MPEG 1, and of MPEG 2 and 2.5.
BIT_RATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
)
RATES_HZ = (44_100, 48_000, 32_000, 0)
# Places at which the bit rate is looked at, and bytes in which two frames are found there.
PLACES = 16
TWO_FRAMES = 4096


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Up to `size` bytes from `offset` on; fewer at the end of the file."""
    file.seek(offset)
    return file.read(size)


def skip_leading_tags(file: BinaryIO) -> int:
    """Offset behind all ID3v2 and APEv2 tags at the beginning."""
    offset = 0
    while True:
        header = read_at(file, offset, 32)
        if header[:3] == b"ID3" and len(header) >= 10:
            footer = 10 if header[5] & 0x10 else 0
            offset += 10 + _synchsafe(header[6:10]) + footer
        elif header[:8] == b"APETAGEX" and len(header) == 32:
            offset += 32 + int(struct.unpack_from("<I", header, 12)[0])
        else:
            return offset


def skip_padding(file: BinaryIO, offset: int) -> int:
    """Offset of the first byte that is not zero; `offset` itself where there is none near."""
    if read_at(file, offset, 1) != b"\0":
        return offset
    block = read_at(file, offset, MAX_PADDING)
    rest = block.lstrip(b"\0")
    return offset + len(block) - len(rest) if rest else offset


def skip_trailing_tags(file: BinaryIO, start: int, end: int) -> int:
    """Offset before all ID3v1, Lyrics3, APEv2 and ID3v2 tags that end at `end`, not below `start`."""
    while True:
        shorter = max(start, end - _trailing_tag_size(file, end))
        if shorter == end:
            return end
        end = shorter


def promised_size(file: BinaryIO, start: int) -> int | None:
    """Bytes of audio by the Xing, Info or VBRI header in the first frame at `start`; None without one."""
    frame = read_at(file, start, 256)
    if len(frame) < 64 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return None
    is_mpeg1 = frame[1] & 0x08
    is_mono = frame[3] & 0xC0 == 0xC0
    side_info = (17 if is_mono else 32) if is_mpeg1 else (9 if is_mono else 17)
    xing = 4 + side_info
    if frame[xing : xing + 4] in (b"Xing", b"Info"):
        flags = int.from_bytes(frame[xing + 4 : xing + 8])
        bytes_field = xing + 8 + (4 if flags & 1 else 0)
        return int.from_bytes(frame[bytes_field : bytes_field + 4]) if flags & 2 else None
    if frame[36:40] == b"VBRI":
        return int.from_bytes(frame[46:50])
    return None


def has_several_bit_rates(file: BinaryIO, start: int, size: int) -> bool:
    """Whether frames of layer III between `start` and the end of the sound are of several bit rates."""
    if _frame_size(read_at(file, start, 4)) is None:
        return False
    found = set()
    for place in range(PLACES):
        block = read_at(file, start + place * max(0, size - TWO_FRAMES) // PLACES, TWO_FRAMES)
        found.add(_bit_rate(block))
    return len(found - {None}) > 1


def _bit_rate(block: bytes) -> int | None:
    """The four bits of the first frame that another one of its kind follows."""
    at = block.find(b"\xff")
    while at >= 0:
        size = _frame_size(block[at : at + 4])
        if size is not None:
            following = block[at + size : at + size + 4]
            # Version, layer and sampling rate stay; that much is no chance.
            if _frame_size(following) is not None and following[1] == block[at + 1]:
                return block[at + 2] >> 4
        at = block.find(b"\xff", at + 1)
    return None


def _frame_size(header: bytes) -> int | None:
    """Bytes of the frame of layer III that begins so; None for anything else."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version = header[1] >> 3 & 3  # 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    bit_rate = BIT_RATES[version != 3][header[2] >> 4]
    rate_hz = RATES_HZ[header[2] >> 2 & 3] >> {3: 0, 2: 1}.get(version, 2)
    if version == 1 or not bit_rate or not rate_hz:
        return None
    return (144_000 if version == 3 else 72_000) * bit_rate // rate_hz + (header[2] >> 1 & 1)


def _trailing_tag_size(file: BinaryIO, end: int) -> int:
    tail_start = max(0, end - ID3V1_SIZE - ID3V1_EXTENDED_SIZE)
    tail = read_at(file, tail_start, end - tail_start)
    if tail[-ID3V1_SIZE:].startswith(b"TAG") and len(tail) >= ID3V1_SIZE:
        return len(tail) if tail.startswith(b"TAG+") else ID3V1_SIZE
    if tail[-32:-24] == b"APETAGEX":
        size, _, flags = struct.unpack_from("<III", tail, len(tail) - 20)
        return int(size) + (32 if flags & 0x8000_0000 else 0)
    if tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
        return int(tail[-15:-9]) + 15
    if tail[-10:-7] == b"3DI":
        return _synchsafe(tail[-4:]) + 20
    return 0


def _synchsafe(four: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(four, (21, 14, 7, 0), strict=True))
