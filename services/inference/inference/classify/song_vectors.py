"""The vectors of one song: those that were sent, those that are computed, and what a head gets of them."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from inference.arrays import Array
from inference.classify.stages import Vector, VectorKind
from inference.classify.verdicts import ExtractionResult, InstalledHead, MissingVector, SkippedStage
from inference.errors import AudioRequiredError, VectorInvalidError

Extract = Callable[[Sequence[VectorKind]], ExtractionResult]
"""Computes vectors of these kinds; raises when the audio itself is at fault."""


@dataclass(kw_only=True)
class ExtractionQuery:
    """A vote needs these kinds of vectors from the audio."""

    kinds: Sequence[VectorKind]
    result: ExtractionResult = field(init=False)


@dataclass(kw_only=True)
class SongVectors:
    """The vectors of one song, and the way to get more of them."""

    sent: Sequence[Vector]
    extract: Extract | None
    """None when there is no audio."""
    computed: list[Vector] = field(default_factory=list)

    def find(self, kind: VectorKind, version: str) -> Vector | None:
        """The vector of this kind and feature version, if it is there already."""
        for vector in (*self.sent, *self.computed):
            if vector.kind == kind and vector.version == version:
                return vector
        return None

    def compute(
        self, kinds: Sequence[VectorKind]
    ) -> Generator[ExtractionQuery, None, tuple[MissingVector, ...]]:
        """Have these kinds computed, unless that was done; what could not be computed comes back."""
        wanted = [kind for kind in kinds if kind not in {vector.kind for vector in self.computed}]
        if not wanted:
            return ()
        if self.extract is None:
            raise AudioRequiredError(f"{names(wanted)} vectors are needed: send them, or send the audio")
        query = ExtractionQuery(kinds=wanted)
        yield query
        self.computed.extend(query.result.vectors)
        return query.result.missing


def concatenated(
    head: InstalledHead, song: SongVectors
) -> Generator[ExtractionQuery, None, Array | SkippedStage]:
    """The head's input [n] float32, from vectors of exactly the feature versions that it was trained on."""
    found = find_all(head, song)
    if len(found) < len(head.feature_versions):
        absent = [kind for kind in head.feature_versions if kind not in found]
        refuse_other_versions(head, absent, song)
        missing = yield from song.compute(absent)
        found = find_all(head, song)
        if len(found) < len(head.feature_versions):
            return explain(head, absent, missing, song)
    return np.concatenate(list(found.values()))


def find_all(head: InstalledHead, song: SongVectors) -> dict[VectorKind, Array]:
    """Those of the head's vectors that are there, in the order in which they are concatenated."""
    vectors = [song.find(kind, version) for kind, version in head.feature_versions.items()]
    found = [vector for vector in vectors if vector is not None]
    refuse_other_lengths(head, found)
    return {vector.kind: vector.values for vector in found}


def refuse_other_lengths(head: InstalledHead, vectors: Iterable[Vector]) -> None:
    """Raise VectorInvalidError for a vector of the head's feature version that has not as many values as it takes."""
    for vector in vectors:
        wanted, length = head.lengths.get(vector.kind), len(vector.values)
        if wanted not in (None, length) and vector.version == head.feature_versions[vector.kind]:
            raise VectorInvalidError(
                f"the {vector.kind} vector has {length} values, and {head.version} has learned from ones of {wanted}: "
                "extract the song again"
            )


def refuse_other_versions(head: InstalledHead, absent: Sequence[VectorKind], song: SongVectors) -> None:
    """Without audio a vector of another feature version cannot be replaced, and it is never used instead."""
    if song.extract is not None:
        return
    for vector in song.sent:
        if vector.kind in absent:
            raise VectorInvalidError(other_version(head, vector))


def explain(
    head: InstalledHead, absent: Sequence[VectorKind], missing: Sequence[MissingVector], song: SongVectors
) -> SkippedStage:
    """Why a head has no input although features were extracted."""
    for gap in missing:
        return SkippedStage(reason=f"stage {head.stage.number}: {gap.message}", retryable=not gap.permanent)
    for vector in song.computed:
        if vector.kind in absent and vector.version != head.feature_versions[vector.kind]:
            return SkippedStage(reason=other_version(head, vector), retryable=False)
    return SkippedStage(
        reason=f"stage {head.stage.number}: features gave no {names(absent)} vector", retryable=True
    )


def other_version(head: InstalledHead, vector: Vector) -> str:
    return (
        f"{head.version} was trained on {vector.kind} vectors of {head.feature_versions[vector.kind]!r}, and this "
        f"one is of {vector.version!r}: extract the song again, or train on vectors of that version"
    )


def names(kinds: Iterable[VectorKind]) -> str:
    return " and ".join(kinds)
