"""The values of a vector as they travel: float32, little-endian."""

import sys
from array import array
from collections.abc import Sequence


def packed(values: Sequence[float]) -> bytes:
    """Four bytes a value; raises TypeError for what is no number."""
    return _little_endian(array("f", values)).tobytes()


def unpacked(content: bytes) -> tuple[float, ...]:
    """The values of such bytes."""
    return tuple(_little_endian(array("f", content)))


def _little_endian(values: "array[float]") -> "array[float]":
    if sys.byteorder == "big":
        values.byteswap()
    return values
