"""What goes into a vote and comes out of it: heads, their output, extraction results, verdicts, the classification."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inference.arrays import Array
from inference.classify.stages import Stage, Vector, VectorKind, has_random_weights
from inference.classify.voting_rule import Outcome, decides
from inference.errors import InferenceError

NO_FOLD = -1
"""Instead of the number of a fold: the head that has learned from all songs."""


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
    """Of the vectors that it was trained on, in the order in which they are concatenated; it takes no others."""
    ood_threshold: float
    """Mahalanobis distance from the training songs beyond which a song is out of distribution."""
    lengths: Mapping[VectorKind, int] = field(default_factory=dict)
    """In values, of the vectors that it was trained on; empty for a head whose record does not say."""

    @property
    def number(self) -> int:
        """That of its version, below its stage's model: 3 of "genre_fma/3"."""
        return int(self.version.rpartition("/")[2])

    @property
    def kinds(self) -> tuple[VectorKind, ...]:
        """The kinds of its vectors, which need not be those that are usual for its stage."""
        return tuple(self.feature_versions)


@dataclass(frozen=True, kw_only=True)
class HeadOutput:
    """What a head gives for some songs."""

    logits: Array
    """[rows, genres]"""
    distances: Array
    """[rows] Mahalanobis distance from the training songs."""


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
class ExtractionResult:
    """What the extraction of features from the audio gave."""

    vectors: tuple[Vector, ...]
    missing: tuple[MissingVector, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StageVerdict:
    """What one stage says of a song."""

    stage: int
    model_version: str
    top: tuple[tuple[str, float], ...]
    """Genre and calibrated probability, best first."""
    threshold: float
    """In force: the confidence from which the stage decides."""
    feature_versions: tuple[str, ...]
    """Of the vectors that it used."""
    is_ood: bool = False
    """The song is out of the distribution of the training: the genre is a guess, whatever its probability."""
    probabilities: Sequence[float] = ()
    """[genres] of all genres, calibrated, in the order of the head's."""
    out_of_fold: bool = False
    """By the head of a fold, which has learned from all songs but those of the fold that the song's artist was in."""

    @property
    def confidence(self) -> float:
        """Calibrated probability of the best genre."""
        return self.top[0][1]

    @property
    def decided(self) -> bool:
        """Whether the stage decides."""
        return decides(self.confidence, self.threshold, self.is_ood)

    @property
    def random_weights(self) -> bool:
        """Whether its vectors mean nothing."""
        return any(map(has_random_weights, self.feature_versions))


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
class SkippedStage:
    """A stage that could not run."""

    reason: str
    retryable: bool
    """Another try may help."""
