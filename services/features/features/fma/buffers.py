"""Arrays that are kept from song to song, so that no song pays for fresh memory."""

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]

# Above what an excerpt of 30 s needs; the arrays of a whole song are let go with it.
KEPT_BYTES = 2**23


class Buffers:
    """Hands out arrays by name; what they hold is of the song before. For one song at a time."""

    def __init__(self) -> None:
        self._kept: dict[str, npt.NDArray[Any]] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
        """An array of this shape, not cleared; valid until `name` is taken again."""
        size = prod(shape)
        if size * np.dtype(dtype).itemsize > KEPT_BYTES:
            return np.empty(shape, dtype)
        kept = self._kept.get(name)
        if kept is None or kept.size < size:
            kept = self._kept[name] = np.empty(size, dtype)
        return kept[:size].reshape(shape)
