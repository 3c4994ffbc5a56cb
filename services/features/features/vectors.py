"""The kinds of vectors, and what becomes of one that was asked for: its values, or why there are none."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


class Kind(IntEnum):
    """What a vector is computed by; the numbers are those of the contract."""

    FMA = 1
    MERT = 2
    JMLA = 3
    FMA_NATIVE = 4


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One vector of one song."""

    kind: Kind
    version: str
    """Everything that changes the values; vectors of two versions are never mixed."""
    values: FloatArray
    """[shape=(n,)], finite."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A kind that was asked for and could not be made, while the song itself was heard."""

    kind: int
    """Also one that this service does not know."""
    permanent: bool
    """Trying again cannot help: it is not installed here."""
    message: str


@dataclass(frozen=True, kw_only=True)
class Ability:
    """A kind, and what of it can be made here at present."""

    kind: Kind
    available: bool
    version: str = ""
    """Also of one that is not available at the moment, where it was before."""
    length: int = 0
    detail: str = ""
    """Where it runs, or why it is not available."""
    for_trials: bool = False
    """The weights are random ones: its vectors mean nothing."""
