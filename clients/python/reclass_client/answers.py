"""From the messages of the contract to plain values."""

from collections.abc import Iterable
from datetime import timezone

from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2

from reclass_client.errors import error_of_song
from reclass_client.kinds import kind_of
from reclass_client.values import (
    Answer,
    AudioFacts,
    Classification,
    Decision,
    DecisionPart,
    GenreScore,
    Limits,
    Outcome,
    StageState,
    StageVerdict,
    Status,
    Vector,
    WriteKind,
    value_of,
)
from reclass_client.vectors import unpacked

OUTCOMES = {
    inference_pb2.OUTCOME_CLASSIFIED: Outcome.CLASSIFIED,
    inference_pb2.OUTCOME_NO_MODEL: Outcome.NO_MODEL,
    inference_pb2.OUTCOME_PROVISIONAL: Outcome.PROVISIONAL,
    inference_pb2.OUTCOME_OUT_OF_DISTRIBUTION: Outcome.OUT_OF_DISTRIBUTION,
}


WRITE_KINDS = {
    inference_pb2.WRITE_KIND_NONE: WriteKind.NONE,
    inference_pb2.WRITE_KIND_FILL: WriteKind.FILL,
    inference_pb2.WRITE_KIND_CORRECTION: WriteKind.CORRECTION,
}
SOURCE = "EVIDENCE_SOURCE_"


def classification_of(response: inference_pb2.ClassifyTrackResponse) -> Classification:
    """The answer to ClassifyTrack."""
    return value_of(
        Classification,
        response,
        # A service that is newer than this package may know more.
        outcome=OUTCOMES.get(response.outcome, Outcome.OUT_OF_DISTRIBUTION),
        stages=tuple(verdict_of(verdict) for verdict in response.verdicts),
        vectors=vectors_of(response.vectors),
        audio=facts_of(response) if response.content_key else None,
        decision=decision_of(response.decision) if response.HasField("decision") else None,
    )


def decision_of(decision: inference_pb2.Decision) -> Decision:
    """The genre given everything that was sent."""
    return value_of(
        Decision,
        decision,
        kind=WRITE_KINDS.get(decision.kind),
        top=tuple(value_of(GenreScore, each) for each in decision.top),
        parts=tuple(value_of(DecisionPart, part, source=source_of(part.source)) for part in decision.parts),
    )


def source_of(source: inference_pb2.EvidenceSource.ValueType) -> str:
    """Its name; empty for one that is newer than this package."""
    known = source in inference_pb2.EvidenceSource.values()
    return inference_pb2.EvidenceSource.Name(source).removeprefix(SOURCE).lower() if known else ""


def verdict_of(verdict: inference_pb2.StageVerdict) -> StageVerdict:
    """What one stage said."""
    return value_of(StageVerdict, verdict, top=tuple(value_of(GenreScore, each) for each in verdict.top))


def vectors_of(vectors: Iterable[features_pb2.Vector]) -> tuple[Vector, ...]:
    """The vectors that were computed, those of kinds without a name too: they can be sent again."""
    return tuple(
        Vector(
            kind=kind_of(vector.kind),
            version=vector.version,
            values=unpacked(vector.values),
        )
        for vector in vectors
    )


def facts_of(response: inference_pb2.ClassifyTrackResponse) -> AudioFacts:
    """What was found out about the audio file."""
    return AudioFacts(
        content_key=response.content_key,
        codec=response.properties.codec,
        sample_rate_hz=response.properties.sample_rate_hz,
        channels=response.properties.channels,
        duration_seconds=response.properties.duration_seconds,
        title=response.tags.title,
        artist=response.tags.artist,
        album=response.tags.album,
        genres=tuple(response.tags.genres),
    )


def answer_of(response: inference_pb2.ClassifyTracksResponse) -> Answer:
    """The answer to one song of ClassifyTracks."""
    if response.WhichOneof("result") == "classification":
        return Answer(key=response.key, classification=classification_of(response.classification))
    return Answer(key=response.key, error=error_of_song(response.error))


def status_of(response: inference_pb2.GetStatusResponse) -> Status:
    """The answer to GetStatus."""
    return Status(
        stages=tuple(stage_of(stage) for stage in response.stages),
        limits=value_of(Limits, response.limits),
    )


def stage_of(stage: inference_pb2.StageStatus) -> StageState:
    """One stage of the service."""
    trained = stage.HasField("train_time")
    train_time = stage.train_time.ToDatetime(timezone.utc) if trained else None
    return value_of(StageState, stage, train_time=train_time, kinds=tuple(map(kind_of, stage.kinds)))
