"""The vectors of one song: those that were sent, those that are computed, and what a head gets of them."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from inference.classify.stages import Array, Vector, VectorKind
from inference.classify.verdicts import Heard, InstalledHead, MissingVector, Shortfall
from inference.errors import AudioRequiredError, VectorInvalidError

Hear = Callable[[Sequence[VectorKind]], Heard]
"""Computes vectors of these kinds; raises when the audio itself is at fault."""


@dataclass(kw_only=True)
class Hearing:
    """A question to the audio."""

    kinds: Sequence[VectorKind]
    heard: Heard = field(init=False)
    """The answer."""


@dataclass(kw_only=True)
class Song:
    """The vectors of one song, and the way to get more of them."""

    sent: Sequence[Vector]
    hear: Hear | None
    """None when there is no audio."""
    computed: list[Vector] = field(default_factory=list)

    def find(self, kind: VectorKind, version: str) -> Vector | None:
        """The vector of this kind and version, if it is there already."""
        for vector in (*self.sent, *self.computed):
            if vector.kind == kind and vector.version == version:
                return vector
        return None

    def listen(self, kinds: Sequence[VectorKind]) -> Generator[Hearing, None, tuple[MissingVector, ...]]:
        """Have these kinds computed, unless that was done; what could not be computed comes back."""
        wanted = [kind for kind in kinds if kind not in {vector.kind for vector in self.computed}]
        if not wanted:
            return ()
        if self.hear is None:
            raise AudioRequiredError(f"{names(wanted)} vectors are needed: send them, or send the audio")
        hearing = Hearing(kinds=wanted)
        yield hearing
        self.computed.extend(hearing.heard.vectors)
        return hearing.heard.missing


def join(head: InstalledHead, song: Song) -> Generator[Hearing, None, Array | Shortfall]:
    """The head's input [n], from vectors of exactly the make that it was trained on."""
    found = find_all(head, song)
    if len(found) < len(head.feature_versions):
        absent = [kind for kind in head.feature_versions if kind not in found]
        refuse_other_makes(head, absent, song)
        missing = yield from song.listen(absent)
        found = find_all(head, song)
        if len(found) < len(head.feature_versions):
            return explain(head, absent, missing, song)
    return np.concatenate(list(found.values()))


def find_all(head: InstalledHead, song: Song) -> dict[VectorKind, Array]:
    """Those of the head's vectors that are there, in the order in which they are joined."""
    found = {kind: song.find(kind, version) for kind, version in head.feature_versions.items()}
    return {kind: vector.values for kind, vector in found.items() if vector is not None}


def refuse_other_makes(head: InstalledHead, absent: Sequence[VectorKind], song: Song) -> None:
    """Without audio a vector of another make cannot be replaced, and it is never used instead."""
    if song.hear is not None:
        return
    for vector in song.sent:
        if vector.kind in absent:
            raise VectorInvalidError(other_make(head, vector))


def explain(
    head: InstalledHead, absent: Sequence[VectorKind], missing: Sequence[MissingVector], song: Song
) -> Shortfall:
    """Why a head has no input although the audio was listened to."""
    for gap in missing:
        return Shortfall(reason=f"stage {head.stage.number}: {gap.message}", worth_retry=not gap.permanent)
    for vector in song.computed:
        if vector.kind in absent and vector.version != head.feature_versions[vector.kind]:
            return Shortfall(reason=other_make(head, vector), worth_retry=False)
    return Shortfall(
        reason=f"stage {head.stage.number}: features gave no {names(absent)} vector", worth_retry=True
    )


def other_make(head: InstalledHead, vector: Vector) -> str:
    return (
        f"{head.version} was trained on {vector.kind.name} vectors of {head.feature_versions[vector.kind]!r} "
        f"and cannot judge those of {vector.version!r}: extract the song again, or train on vectors of that version"
    )


def names(kinds: Iterable[VectorKind]) -> str:
    return " and ".join(kind.name for kind in kinds)
