"""The stages of progressive voting: which vectors each uses, and what a vector must be."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from inference.arrays import Array

VectorKind = str
"""What a vector was computed by: the contract's name of it, or "KIND1000" for one that the contract does not name.

Beside the two below this service knows none: what an embedding is, features says, and what a head takes, its record.
"""

FMA: VectorKind = "FMA"
"""The values that every first stage uses."""
FMA_NATIVE: VectorKind = "FMA_NATIVE"
"""The same of the whole song at its own rate, which stand in for them where a training has no others."""
FMA_LENGTH = 518


LARGEST_VALUE = 1e9
"""Beyond every definition: FMA's largest are frequencies and kurtoses, which are at most the number of frames;
embeddings have hundreds. Squares of far larger ones overflow the float32 that heads compute with."""


LONGEST_VERSION = 1000
"""In characters; features' own have some 150. They stand in messages, in files and in the portal's database."""


LONGEST_VECTOR = 8192
"""In values; the embeddings that are known have 200 to 4096."""


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One vector of one song."""

    kind: VectorKind
    version: str
    """The feature version: everything that changes the values; vectors of two versions are never mixed."""
    values: Array
    """[n] float32, finite and of a size that sound can have."""


@dataclass(frozen=True)
class Stage:
    """One step of the vote; each adds an embedding to those of the stage before."""

    kinds: tuple[VectorKind, ...]
    """The vectors that are concatenated, in this order, into the input of the stage's head; FMA's come first."""

    @property
    def number(self) -> int:
        """From 1."""
        return len(self.kinds)

    @property
    def model(self) -> str:
        """Name of the head in the model repository, for example "genre_fma_kind1000"."""
        return "_".join((HEAD, *(kind.lower().replace("_", "-") for kind in self.kinds)))

    def joined_by(self, kind: VectorKind) -> "Stage":
        """The stage after this one that adds a kind."""
        return Stage((*self.kinds, kind))


HEAD = "genre"
"""What the name of every head begins with, and that of no embedding's model."""
FIRST_STAGE = Stage((FMA,))


@lru_cache(maxsize=100)  # asked at every call
def stage_of(model: str) -> Stage | None:
    """The stage whose head has this name in the model repository; None where it is no head's."""
    prefix, *kinds = model.split("_")
    stage = Stage(tuple(kind.upper().replace("-", "_") for kind in kinds))
    return stage if prefix == HEAD and stage.kinds[:1] == FIRST_STAGE.kinds and stage.model == model else None


def default_thresholds(stages: int) -> tuple[float, ...]:
    """From which confidence on each stage of a model of so many decides, where nobody says otherwise."""
    later = [0.7] * (stages - 1)
    if stages > 2:
        later[-1] = 0.0  # it has the last word anyhow
    return (0.8, *later)[:stages]


TRIAL_PART = "weights=trial"
"""Stands among the parts of a feature version whose vectors come from random weights."""


@lru_cache(maxsize=1000)  # asked for every verdict, of a few versions
def has_random_weights(version: str) -> bool:
    """Whether vectors of this feature version are for trials only, and mean nothing."""
    return TRIAL_PART in version.split(";")


HEAD_DEVICE = "cpu"
"""Where Triton runs the heads, as their configuration says: one product of a small matrix gains nothing from a GPU."""


def why_invalid(vector: Vector) -> str | None:
    """What is wrong with a vector in a sentence, or None; its length is compared with a head's later on."""
    name = vector.kind
    if not vector.version:
        return f"the {name} vector names no version"
    if len(vector.version) > LONGEST_VERSION:
        return f"the version of the {name} vector has {len(vector.version)} characters, at most {LONGEST_VERSION}"
    if not vector.version.isprintable():
        return f"the version of the {name} vector holds a NUL or another sign that cannot be printed"
    return why_wrong_length(vector) or why_no_sound(vector)


def why_wrong_length(vector: Vector) -> str | None:
    """Why no vector of its kind can have so many values."""
    length = len(vector.values)
    if vector.kind in (FMA, FMA_NATIVE) and length != FMA_LENGTH:
        return f"the {vector.kind} vector has {length} values, it must have {FMA_LENGTH}"
    if not 0 < length <= LONGEST_VECTOR:
        return f"the {vector.kind} vector has {length} values, it must have 1 to {LONGEST_VECTOR}"
    return None


def why_no_sound(vector: Vector) -> str | None:
    """Which of its values no sound gives."""
    sound = np.abs(vector.values) <= LARGEST_VALUE  # NaN is not
    if sound.all():
        return None
    index = int(np.argmin(sound))
    value = vector.values[index]
    why = f"larger than any sound gives ({LARGEST_VALUE:g})" if np.isfinite(value) else "not finite"
    return f"value {index} of the {vector.kind} vector (from 0) is {value:g}, {why}"
