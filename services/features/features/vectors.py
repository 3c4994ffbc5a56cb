"""Vectors of songs by kind, and what becomes of a kind that is asked for: its values, or why there are none.

A kind is a number of the contract's `VectorKind`. Which there are is open: whatever computes one brings its number.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One vector of one song."""

    kind: int
    version: str
    """The feature version: everything that changes the values. Vectors of two versions are never mixed."""
    values: FloatArray
    """[shape=(n,)], float32, finite."""
    seconds: float = 0.0
    """What a model took to compute it, without waiting; 0 where that is not known."""


@dataclass(frozen=True, kw_only=True)
class MissingVector:
    """A kind that was asked for and could not be computed, while the song itself could be analysed."""

    kind: int
    """Also one that this service does not know."""
    permanent: bool
    """Trying again cannot help: it is not installed here."""
    message: str


@dataclass(frozen=True, kw_only=True)
class TagOutput:
    """A tag that a model was trained to tell, in the words of those who gave it."""

    name: str
    reference_mean: float
    """Its mean probability over music of all kinds."""


@dataclass(frozen=True, kw_only=True)
class Capability:
    """A kind, and what of it can be computed here at present."""

    kind: int
    available: bool
    version: str = ""
    """Also of one that is not available at the moment, where it was before."""
    length: int = 0
    detail: str = ""
    """Where it runs, or why it is not available."""
    for_trials: bool = False
    """The weights are random ones: its vectors mean nothing."""
    licence: str = ""
    """SPDX identifier of the licence of its weights; empty where there are none."""
    cpu_seconds: float = 0.0
    """Roughly, for 30 s of audio on one core; 0 where it is not known."""
    name: str = ""
    """As people call it."""
    measured_seconds: float = 0.0
    """What a song has cost here on the mean, without its share of decoding; 0 before the first."""
    measured_songs: int = 0
    """Songs of which that is the mean."""
    weights_bytes: int = 0
    """0 where it is not known."""
    weights: str = ""
    """Where the weights come from and how they are checked."""
    tags: tuple[TagOutput, ...] = ()
    """Those whose probabilities are the last values of a vector, in their order."""
