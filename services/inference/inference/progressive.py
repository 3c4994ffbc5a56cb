"""Progressive voting: a later stage is asked only when the earlier one is unsure, and only when it is installed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np
from runtime.errors import RemoteError, ServiceError

from inference.calibration import softmax
from inference.errors import AudioRequiredError, InferenceError, VectorInvalidError, VectorMissingError
from inference.stages import Array, Stage, Vector, VectorKind

STAGE_FAILURES = (ServiceError, RemoteError)
"""What makes a later stage fail without taking the earlier verdict with it."""


@dataclass(frozen=True, kw_only=True)
class InstalledHead:
    """A trained head that serves."""

    stage: Stage
    version: str
    """For example "genre_fma/3"."""
    genres: tuple[str, ...]
    """In the order of the logits."""
    temperature: float
    feature_versions: Mapping[VectorKind, str]
    """The make of the vectors that it was trained on; it sees no others."""


@dataclass(frozen=True, kw_only=True)
class BrokenHead:
    """A head that should serve and cannot."""

    stage: Stage
    error: InferenceError


@dataclass(frozen=True, kw_only=True)
class MissingVector:
    """A vector that could not be computed."""

    kind: VectorKind
    permanent: bool
    """The kind is not installed, or this audio cannot have it."""
    message: str


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What listening to the audio gave."""

    vectors: tuple[Vector, ...]
    missing: tuple[MissingVector, ...] = ()


Hear = Callable[[Sequence[VectorKind]], Heard]
"""Computes vectors of these kinds; raises when the audio itself is at fault."""
Judge = Callable[[InstalledHead, Array], Array]
"""Logits [rows, genres] of joined vectors [rows, n]."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How to vote."""

    thresholds: Sequence[float] = ()
    """Confidence from which a stage decides, by stage from the first; missing ones are the stages' own."""
    max_stages: int | None = None
    """At most so many stages; None for all that are installed."""
    top_k: int = 5
    """Genres in each verdict."""

    def threshold(self, stage: Stage) -> float:
        """The threshold of a stage."""
        return self.thresholds[stage.number - 1] if stage.number <= len(self.thresholds) else stage.threshold


@dataclass(frozen=True, kw_only=True)
class StageVerdict:
    """What one stage says."""

    stage: int
    model_version: str
    top: tuple[tuple[str, float], ...]
    """Genre and calibrated probability, best first."""
    threshold: float

    @property
    def confidence(self) -> float:
        """Probability of the best genre."""
        return self.top[0][1]

    @property
    def decided(self) -> bool:
        """Whether it reached the threshold."""
        return self.confidence >= self.threshold


class Outcome(Enum):
    """How a vote ended."""

    CLASSIFIED = auto()
    NO_MODEL = auto()
    PROVISIONAL = auto()


@dataclass(frozen=True, kw_only=True)
class Classification:
    """The result of a vote; the last verdict is the deciding one."""

    outcome: Outcome
    verdicts: tuple[StageVerdict, ...]
    reason: str
    """Why it is provisional, or why no model could be used; else empty."""
    computed: tuple[Vector, ...]
    """Vectors that were computed on the way."""


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """A stage that could not run."""

    reason: str
    worth_retry: bool


@dataclass(kw_only=True)
class Song:
    """The vectors of one song, and the way to get more of them."""

    sent: Sequence[Vector]
    hear: Hear | None
    """None when there is no audio."""
    computed: list[Vector] = field(default_factory=list)

    def find(self, kind: VectorKind, version: str) -> Vector | None:
        """The vector of this kind and version, if it is there already."""
        matches = (v for v in (*self.sent, *self.computed) if v.kind == kind and v.version == version)
        return next(matches, None)

    def listen(self, kinds: Sequence[VectorKind]) -> tuple[MissingVector, ...]:
        """Compute these kinds, unless that was done; what could not be computed comes back."""
        wanted = [kind for kind in kinds if kind not in {vector.kind for vector in self.computed}]
        if not wanted:
            return ()
        if self.hear is None:
            raise AudioRequiredError(f"{names(wanted)} vectors are needed: send them, or send the audio")
        heard = self.hear(wanted)
        self.computed.extend(heard.vectors)
        return heard.missing


def classify(
    *, heads: Sequence[InstalledHead | BrokenHead], song: Song, judge: Judge, rule: Rule
) -> Classification:
    """Decide on the genre of one song.

    1. Without a head, hear FMA for the caller to keep and say NO_MODEL.
    2. Ask the heads in order. Each gets the vectors that were sent if they are of the make that it was trained on;
       only what is then missing is computed.
    3. Stop at the first verdict that reaches its threshold; else the last verdict stands.
    4. When the first stage fails, so does the call. When a later one fails, the verdict before it stands, and is
       provisional if another try may help; a stage that is not installed takes nothing from it.
    """
    if not heads:
        listen_for_training(song)
        return concluded(Outcome.NO_MODEL, (), "", song)
    verdicts: list[StageVerdict] = []
    for head in heads[: rule.max_stages]:
        result = ask(head, song, judge, rule) if not verdicts else ask_later(head, song, judge, rule)
        if isinstance(result, Shortfall):
            return fallen_short(result, verdicts, song)
        verdicts.append(result)
        if result.decided:
            break
    return concluded(Outcome.CLASSIFIED, verdicts, "", song)


def listen_for_training(song: Song) -> None:
    """Without a model the vectors are still worth having; those of the first stage cost no accelerator."""
    if all(vector.kind != VectorKind.FMA for vector in song.sent):
        song.listen([VectorKind.FMA])


def concluded(outcome: Outcome, verdicts: Iterable[StageVerdict], reason: str, song: Song) -> Classification:
    return Classification(
        outcome=outcome, verdicts=tuple(verdicts), reason=reason, computed=tuple(song.computed)
    )


def fallen_short(shortfall: Shortfall, verdicts: Sequence[StageVerdict], song: Song) -> Classification:
    """What a stage that could not run leaves of the vote."""
    if verdicts and shortfall.worth_retry:
        return concluded(Outcome.PROVISIONAL, verdicts, shortfall.reason, song)
    if verdicts:
        return concluded(Outcome.CLASSIFIED, verdicts, "", song)
    if shortfall.worth_retry:
        raise VectorMissingError(shortfall.reason)
    return concluded(Outcome.NO_MODEL, (), shortfall.reason, song)


def ask_later(
    head: InstalledHead | BrokenHead, song: Song, judge: Judge, rule: Rule
) -> StageVerdict | Shortfall:
    """Ask a stage whose failure does not matter to the verdict that is there."""
    try:
        return ask(head, song, judge, rule)
    except STAGE_FAILURES as error:
        return Shortfall(reason=f"stage {head.stage.number}: {error}", worth_retry=True)


def ask(head: InstalledHead | BrokenHead, song: Song, judge: Judge, rule: Rule) -> StageVerdict | Shortfall:
    """The verdict of one stage."""
    if isinstance(head, BrokenHead):
        raise head.error
    joined = join(head, song)
    if isinstance(joined, Shortfall):
        return joined
    probabilities = softmax(judge(head, joined[np.newaxis]), head.temperature)[0]
    return StageVerdict(
        stage=head.stage.number,
        model_version=head.version,
        top=best_genres(probabilities, head.genres, rule.top_k),
        threshold=rule.threshold(head.stage),
    )


def best_genres(
    probabilities: Sequence[float] | np.ndarray, genres: Sequence[str], top_k: int
) -> tuple[tuple[str, float], ...]:
    """The most probable genres, best first."""
    order = np.argsort(-np.asarray(probabilities), kind="stable")[:top_k]
    return tuple((genres[i], float(probabilities[i])) for i in order)


def join(head: InstalledHead, song: Song) -> Array | Shortfall:
    """The head's input [n], from vectors of exactly the make that it was trained on."""
    absent = [kind for kind, version in head.feature_versions.items() if song.find(kind, version) is None]
    missing: tuple[MissingVector, ...] = ()
    if absent:
        refuse_other_makes(head, absent, song)
        missing = song.listen(absent)
    found = [song.find(kind, head.feature_versions[kind]) for kind in head.stage.kinds]
    vectors = [vector.values for vector in found if vector is not None]
    if len(vectors) < len(found):
        return explain(head, absent, missing, song)
    return np.concatenate(vectors)


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
