"""Vectors as messages of the contract, for tests that play a caller or a service."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from reclass.features.v1 import features_pb2

ON_THE_WIRE = np.dtype("<f4")


def packed(values: ArrayLike | Sequence[float]) -> bytes:
    """Values [n] as they travel."""
    return np.asarray(values, dtype=ON_THE_WIRE).tobytes()


def values_of(message: features_pb2.Vector) -> NDArray[np.float32]:
    """The values [n] of a vector."""
    return np.frombuffer(message.values, dtype=ON_THE_WIRE)
