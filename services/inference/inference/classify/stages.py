"""The stages of progressive voting: which vectors each uses and from which confidence on it decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np

from inference.arrays import Array


class VectorKind(IntEnum):
    """What a vector was computed by; the numbers are those of the contract."""

    FMA = 1
    MERT = 2
    JMLA = 3
    FMA_NATIVE = 4


LENGTHS: Mapping[VectorKind, tuple[int, ...]] = {
    VectorKind.FMA: (518,),
    VectorKind.MERT: (768, 1024),
    VectorKind.JMLA: (768,),
    VectorKind.FMA_NATIVE: (518,),
}
"""The lengths that a vector of each kind may have; MERT's depends on the checkpoint."""


LARGEST_VALUE = 1e9
"""Beyond every definition: FMA's largest are frequencies and kurtoses, which are at most the number of frames;
embeddings have hundreds. Squares of far larger ones overflow the float32 that heads compute with."""


LONGEST_VERSION = 1000
"""In characters; features' own have some 150. They stand in messages, in files and in the portal's database."""


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One vector of one song."""

    kind: VectorKind
    version: str
    """The feature version: everything that changes the values; vectors of two versions are never mixed."""
    values: Array
    """[n] float32, finite and of a size that sound can have."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of the vote."""

    number: int
    """From 1."""
    kinds: tuple[VectorKind, ...]
    """The vectors that are concatenated, in this order, into the input of the stage's head."""
    model: str
    """Name of the head in the model repository."""
    threshold: float
    """Default confidence from which on no later stage is asked."""


STAGES = (
    Stage(number=1, kinds=(VectorKind.FMA,), model="genre_fma", threshold=0.8),
    Stage(number=2, kinds=(VectorKind.FMA, VectorKind.MERT), model="genre_fma_mert", threshold=0.7),
    Stage(
        number=3,
        kinds=(VectorKind.FMA, VectorKind.MERT, VectorKind.JMLA),
        model="genre_fma_mert_jmla",
        threshold=0.0,
    ),
)


TRIAL_PART = "weights=trial"
"""Stands among the parts of a feature version whose vectors come from random weights."""


@lru_cache(maxsize=1000)  # asked for every verdict, of a few versions
def has_random_weights(version: str) -> bool:
    """Whether vectors of this feature version are for trials only, and mean nothing."""
    return TRIAL_PART in version.split(";")


HEAD_DEVICE = "cpu"
"""Where Triton runs the heads, as their configuration says: one product of a small matrix gains nothing from a GPU."""


def why_invalid(vector: Vector) -> str | None:
    """What is wrong with a vector in a sentence, or None."""
    name = vector.kind.name
    if not vector.version:
        return f"the {name} vector names no version"
    if len(vector.version) > LONGEST_VERSION:
        return f"the version of the {name} vector has {len(vector.version)} characters, at most {LONGEST_VERSION}"
    if not vector.version.isprintable():
        return f"the version of the {name} vector holds a NUL or another sign that cannot be printed"
    if len(vector.values) not in LENGTHS[vector.kind]:
        allowed = " or ".join(map(str, LENGTHS[vector.kind]))
        return f"the {name} vector has {len(vector.values)} values, it must have {allowed}"
    sound = np.abs(vector.values) <= LARGEST_VALUE  # NaN is not
    if not sound.all():
        index = int(np.argmin(sound))
        value = vector.values[index]
        why = f"larger than any sound gives ({LARGEST_VALUE:g})" if np.isfinite(value) else "not finite"
        return f"value {index} of the {name} vector (from 0) is {value:g}, {why}"
    return None
