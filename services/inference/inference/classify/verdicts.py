"""What a vote is made of: the heads that are asked, the rule, the verdicts, the result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from inference.classify.stages import Array, Stage, Vector, VectorKind, made_by_random_weights
from inference.classify.voting import decides
from inference.errors import InferenceError


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
    """The make of the vectors that it was trained on, in the order in which they are joined; it sees no others."""
    ood_threshold: float | None = None
    """Distance from the songs of its training beyond which it does not decide; None for a head that knows none."""

    @property
    def kinds(self) -> tuple[VectorKind, ...]:
        """What it hears, which need not be what its stage usually does."""
        return tuple(self.feature_versions)


@dataclass(frozen=True, kw_only=True)
class Opinions:
    """What a head says of some songs."""

    logits: Array
    """[rows, genres]"""
    distances: Array | None
    """[rows] from the songs of its training; None from a head that knows none."""


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
    feature_versions: tuple[str, ...]
    """Of the vectors that it judged."""
    strange: bool = False
    """The song is unlike those of the training: the genre is a guess, whatever the probability says."""

    @property
    def confidence(self) -> float:
        """Probability of the best genre."""
        return self.top[0][1]

    @property
    def decided(self) -> bool:
        """Whether it reached the threshold, on a song of the kind that it knows."""
        return decides(self.confidence, self.threshold, strange=self.strange)

    @property
    def random_weights(self) -> bool:
        """Whether it judged vectors that mean nothing."""
        return any(map(made_by_random_weights, self.feature_versions))


class Outcome(Enum):
    """How a vote ended."""

    CLASSIFIED = auto()
    NO_MODEL = auto()
    PROVISIONAL = auto()
    UNSURE = auto()
    """The stage with the last word has learned from no songs like this one."""


def deciding(verdicts: Sequence[StageVerdict]) -> StageVerdict:
    """The verdict with the last word: the first that decides, else the last one."""
    return next((verdict for verdict in verdicts if verdict.decided), verdicts[-1])


def outcome_of(verdicts: Sequence[StageVerdict]) -> Outcome:
    """What verdicts come to when no stage is missing."""
    return Outcome.UNSURE if deciding(verdicts).strange else Outcome.CLASSIFIED


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
