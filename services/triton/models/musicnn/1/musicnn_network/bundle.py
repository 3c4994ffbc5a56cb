"""Reads a TensorFlow checkpoint of version 2 ("tensor bundle") without TensorFlow.

`.index` is a table as LevelDB writes it, of a BundleEntryProto for each tensor's name; `.data-00000-of-00001` has the
raw values, little-endian. Sources: tensorflow/core/protobuf/tensor_bundle.proto, and LevelDB's doc/table_format.md.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

INDEX, DATA = ".index", ".data-00000-of-00001"
MAGIC = bytes.fromhex("57fb808b247547db")
FOOTER_BYTES = 48
FLOAT32 = 1
# Fields of BundleEntryProto, of TensorShapeProto and of its dimensions, each behind its number.
DTYPE, SHAPE, OFFSET, SIZE = 1, 2, 4, 5
DIMENSION, LENGTH = 2, 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where the values of a tensor lie."""

    dtype: int
    shape: tuple[int, ...]
    offset: int
    size: int


def read_index(path: Path) -> dict[str, Entry]:
    """The tensors of an index by their names. Raises ValueError where the file is none, or is not whole."""
    table = path.read_bytes()
    if table[-len(MAGIC) :] != MAGIC:
        raise ValueError("it is no index of a TensorFlow checkpoint, or its end is missing")
    try:
        return {name.decode(): _entry(value) for name, value in _rows(table) if name}
    except (LookupError, struct.error, ValueError, OverflowError) as error:
        raise ValueError(f"it is damaged ({error})") from error


def values(data: bytes, entry: Entry) -> NDArray[np.float32]:
    """The values of a tensor [shape=entry.shape]. Raises ValueError for another type than float32, or a cut file."""
    if entry.dtype != FLOAT32 or entry.size != 4 * int(np.prod(entry.shape)):
        raise ValueError(f"it has {entry.size} bytes of type {entry.dtype} for the shape {list(entry.shape)}")
    if entry.offset + entry.size > len(data):
        raise ValueError(f"it ends at byte {entry.offset + entry.size}, and the file has {len(data)}")
    return np.frombuffer(data, "<f4", entry.size // 4, entry.offset).reshape(entry.shape)


def _rows(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every row. The footer names a block that is not used, then the one whose rows name all others."""
    footer = len(table) - FOOTER_BYTES
    _, _, at = _handle(table, footer)
    for _, named in _block_rows(table, *_handle(table, at)[:2]):
        yield from _block_rows(table, *_handle(named, 0)[:2])


def _handle(data: bytes, at: int) -> tuple[int, int, int]:
    """Where a block begins, its size, and where the handle ends."""
    start, at = _varint(data, at)
    size, at = _varint(data, at)
    return start, size, at


def _block_rows(table: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block; a key shares its beginning with the one before it."""
    if table[start + size] != 0:
        raise IndexError("a block is compressed, as none of a checkpoint is")
    block = table[start : start + size]
    (restarts,) = struct.unpack("<I", block[-4:])
    at, key = 0, b""
    while at < size - 4 * (restarts + 1):
        shared, at = _varint(block, at)
        fresh, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + fresh]
        at += fresh + length
        yield key, block[at - length : at]


def _entry(message: bytes) -> Entry:
    found = dict(_fields(message))
    sizes = [each for number, each in _fields(_bytes(found, SHAPE)) if number == DIMENSION]
    return Entry(
        dtype=_number(found, DTYPE),
        shape=tuple(_number(dict(_fields(size)), LENGTH) for size in sizes if isinstance(size, bytes)),
        offset=_number(found, OFFSET),
        size=_number(found, SIZE),
    )


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a protobuf message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if kind not in (1, 2, 5):
            raise ValueError(f"a field of type {kind}, as none of a checkpoint is")
        length, at = _varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
        at += length
        yield tag >> 3, message[at - length : at]


def _number(fields: Mapping[int, int | bytes], number: int) -> int:
    found = fields.get(number, 0)
    return found if isinstance(found, int) else 0


def _bytes(fields: Mapping[int, int | bytes], number: int) -> bytes:
    found = fields.get(number, b"")
    return found if isinstance(found, bytes) else b""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at
