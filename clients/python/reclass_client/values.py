"""What Music ReClass answers, as plain frozen values."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from google.protobuf.message import Message
from reclass.inference.v1 import inference_pb2

from reclass_client.errors import ReclassError

Value = TypeVar("Value")


class Outcome(str, Enum):
    """How a classification ended."""

    CLASSIFIED = "classified"
    NO_MODEL = "no model"
    """Nothing is trained yet: vectors, and never a genre."""
    PROVISIONAL = "provisional"
    """A later stage should have run and could not; worth another try."""
    OUT_OF_DISTRIBUTION = "out of distribution"
    """Unlike the songs of the training: the genre is a guess, and is to be shown as one."""


@dataclass(frozen=True, kw_only=True)
class Vector:
    """Features of a song's audio; kept and sent again, they save the extraction."""

    kind: str
    """"FMA", "FMA_NATIVE" (of the whole song), that of an embedding, for example "MUSICNN", or "KIND1000" for a number
    that this package has no name for."""
    version: str
    """Everything that changes the values; hand it back as it came."""
    values: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class GenreScore:
    """A genre and the calibrated probability that it is right."""

    genre: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class StageVerdict:
    """What one stage said."""

    stage: int
    model_version: str
    top: tuple[GenreScore, ...]
    """Best first."""
    decided: bool
    """Whether it reached its threshold."""
    threshold: float
    feature_versions: tuple[str, ...]
    """Of the vectors that it classified."""
    out_of_fold: bool = False
    """By a head that has not learned from the song's artist, from whom the model has."""


class WriteKind(str, Enum):
    """What writing a decided genre would be."""

    NONE = "none"
    """The song's tags name the genre already."""
    FILL = "fill"
    """The song has no tag that counts."""
    CORRECTION = "correction"
    """Its tag stands for another genre."""


@dataclass(frozen=True, kw_only=True)
class DecisionPart:
    """What was known with a source and those before it."""

    source: str
    """"sound", "album", "artist" or "tags"."""
    genre: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The genre given everything that was known of a song: its sound, that of its album and artist, its tags."""

    genre: str
    confidence: float
    """Probability that it is right, where contradictions of tags and sound are read cautiously."""
    confidence_mean: float
    confidence_high: float
    """The same read without caution, and trusting the sound."""
    kind: "WriteKind | None"
    """None where the song was sent without its tags."""
    tag_probability: float
    """Probability that a genre of the song's own tags is right."""
    top: tuple[GenreScore, ...]
    """Best first."""
    parts: tuple[DecisionPart, ...]
    """How it came about, from the sound alone on."""
    key: str = ""
    """Of the song, where many were decided."""


@dataclass(frozen=True, kw_only=True)
class CoveragePoint:
    """From this confidence on, so much is decided, and so much of that is right, as expected of fresh songs."""

    threshold: float
    coverage: float
    accuracy: float
    accuracy_low: float
    """Lower end of the 95 % interval."""


@dataclass(frozen=True, kw_only=True)
class NoiseReading:
    """How far songs whose tag contradicts a confident model are wrong tags, by what people have judged: shares, 0 to 1.

    Nobody but people can tell; decisions use the lower end, and the middle once 30 such songs were judged.
    """

    contradiction_rate: float
    """Of all tags, those that contradict the model beyond its own doubt."""
    wrong_share: float
    """Of these, the wrong tags: mean, and the ends of a 90 % interval."""
    wrong_share_low: float
    wrong_share_high: float
    judgements: int
    """Acts of judging that it rests on, and their songs."""
    judged_songs: int
    slip_rate: float
    """Of judged songs whose tag and sound agree, those of another genre."""
    calibration_error: float = 0.0
    """Of the confidences by sound, as this reading has it."""
    overconfidence: float = 0.0
    """By how much these are too high on the mean."""
    coverage: tuple[CoveragePoint, ...] = ()
    """What thresholds give; before anybody has judged as if every tag were right."""
    promise: "CoveragePoint | None" = None
    """The lowest threshold from which on 95 % are right, and with a certainty of 90 % at least 93 %."""


@dataclass(frozen=True, kw_only=True)
class AudioFacts:
    """What was found out about the audio file."""

    content_key: str
    """The same for the same sound, whatever the file's name and tags."""
    codec: str
    sample_rate_hz: int
    channels: int
    duration_seconds: float
    title: str
    artist: str
    album: str
    genres: tuple[str, ...]
    """As the file's own tags have them."""


@dataclass(frozen=True, kw_only=True)
class Classification:
    """The genre of one song, and how it came about."""

    outcome: Outcome
    genre: str
    """Empty with NO_MODEL; a guess where OUT_OF_DISTRIBUTION."""
    confidence: float
    """Calibrated probability that `genre` is right, 0 to 1, of songs like those of the training: see `is_guess`."""
    deciding_stage: int
    model_version: str
    stages: tuple[StageVerdict, ...]
    """Every stage that ran, in order."""
    provisional_reason: str
    vectors: tuple[Vector, ...]
    """Computed by this call; those that were sent are not repeated."""
    audio: AudioFacts | None
    """None when no audio was read."""
    sound: bytes = b""
    """Probabilities of all genres, for `Album.songs` of another call."""
    decision: "Decision | None" = None
    """Where the song was sent with its tags or its album."""
    random_weights: bool = False
    """The deciding stage classified embeddings of random weights, made for trials: its verdict means nothing."""
    out_of_fold: bool = False
    """By a head that has not learned from the song's artist, from whom the model has."""

    @property
    def is_guess(self) -> bool:
        """The song is unlike those of the training: `genre` is a guess, and `confidence` says nothing of it."""
        return self.outcome is Outcome.OUT_OF_DISTRIBUTION

    @property
    def summary(self) -> str:
        """For a person, in a few words: never a genre without what it is worth."""
        if not self.genre:
            return f"no genre  ({self.outcome.value})"
        if self.is_guess:
            return f"unlike the songs of the training; at a guess {self.genre}"
        said = f"{self.genre}  {self.confidence:.0%}"
        if self.random_weights:
            return f"{said}  (random weights: it means nothing)"
        if self.outcome is Outcome.PROVISIONAL:
            return f"{said}  (provisional: {self.provisional_reason})"
        return said


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of one song of `classify_many`."""

    key: str
    classification: Classification | None = None
    error: ReclassError | None = None

    def result(self) -> Classification:
        """The classification; raises the song's error."""
        if self.classification is None:
            raise self.error or ReclassError(code="INTERNAL", message="neither a classification nor an error")
        return self.classification


@dataclass(frozen=True, kw_only=True)
class StageState:
    """One stage of the service."""

    stage: int
    ready: bool
    model_version: str
    genres: tuple[str, ...]
    feature_versions: tuple[str, ...]
    """It classifies vectors of these versions."""
    train_time: datetime | None
    device: str
    message: str
    """Why it is not ready, and what to do."""
    kinds: tuple[str, ...] = ()
    """It classifies vectors of these kinds, joined in this order; as in `Vector.kind`."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Beyond these a call is refused with LimitExceededError."""

    max_content_bytes: int
    max_calls: int
    max_stream_songs: int


@dataclass(frozen=True, kw_only=True)
class Status:
    """What the service can do at present."""

    stages: tuple[StageState, ...]
    limits: Limits


def value_of(kind: type[Value], message: Message, /, **others: Any) -> Value:
    """A value whose fields are those of the message by their names, but for the `others`; lists become tuples."""
    named = [each.name for each in fields(kind) if each.name not in others]  # type: ignore[arg-type] # a dataclass
    found = {name: getattr(message, name) for name in named}
    plain = {
        name: each if isinstance(each, (str, bytes, int, float)) else tuple(each)
        for name, each in found.items()
    }
    return kind(**plain, **others)


def coverage_of(
    message: "inference_pb2.StageReport | inference_pb2.CascadeReport | inference_pb2.NoiseReading",
) -> dict[str, Any]:
    """The fields `coverage` and `promise` of whatever has them."""
    return {
        "coverage": tuple(value_of(CoveragePoint, each) for each in message.coverage),
        "promise": value_of(CoveragePoint, message.promise) if message.HasField("promise") else None,
    }
