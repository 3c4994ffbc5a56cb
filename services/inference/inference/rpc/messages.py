"""Between the messages of the contract and the values of this service."""

from collections.abc import Sequence

import numpy as np
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2
from runtime.errors import RemoteError, ServiceError, short
from runtime.messages import message_of
from runtime.rights import Role

from inference.arrays import Array
from inference.classify.stages import HEAD_DEVICE, Vector, VectorKind, why_invalid
from inference.classify.verdicts import Classification, StageVerdict
from inference.classify.voting_rule import Outcome, Rule
from inference.errors import InvalidRequestError, VectorInvalidError
from inference.rpc.kinds import LISTED_EMBEDDINGS, embeddings_from, kind_from, kind_to, kinds_to
from inference.serving.status import StageState
from inference.training.dataset import LabelSource, SplitPart
from inference.training.options import TrainingOptions

OUTCOMES = {
    Outcome.CLASSIFIED: inference_pb2.OUTCOME_CLASSIFIED,
    Outcome.NO_MODEL: inference_pb2.OUTCOME_NO_MODEL,
    Outcome.PROVISIONAL: inference_pb2.OUTCOME_PROVISIONAL,
    Outcome.OUT_OF_DISTRIBUTION: inference_pb2.OUTCOME_OUT_OF_DISTRIBUTION,
}
ON_THE_WIRE = np.dtype("<f4")
"""How the values of a vector travel."""
WIDTH = ON_THE_WIRE.itemsize
DEFAULT_TOP_K = 5
MAX_FOLDS = 20
LONGEST_SONG_ID = 1000
LONGEST_GENRE = 100

VotingOptions = (
    inference_pb2.ClassifyOptions | inference_pb2.TrainOptions | inference_pb2.GetOutOfFoldPredictionsRequest
)


def vectors_from(messages: Sequence[features_pb2.Vector]) -> tuple[Vector, ...]:
    """Vectors as arrays, one of each kind; raises VectorInvalidError for a wrong kind, length or value.

    One that is repeated unchanged counts once. Of two that differ nobody could say which is the song's, not even by
    their versions: each would be taken by another model.
    """
    if len(messages) == 1:
        return (vector_from(messages[0]),)
    found: dict[VectorKind, Vector] = {}
    for message in messages:
        vector = vector_from(message)
        other = found.setdefault(vector.kind, vector)
        if other is not vector and not is_same(other, vector):
            raise VectorInvalidError(
                f"there are two {vector.kind} vectors, of {other.version!r} and {vector.version!r}, which differ: "
                "send one of each kind"
            )
    return tuple(found.values())


def is_same(one: Vector, other: Vector) -> bool:
    return one.version == other.version and np.array_equal(one.values, other.values)


def vector_from(message: features_pb2.Vector) -> Vector:
    """One vector; raises VectorInvalidError."""
    vector = Vector(kind=kind_from(message.kind), version=message.version, values=values_of(message.values))
    problem = why_invalid(vector)
    if problem:
        raise VectorInvalidError(f"{problem}; extract the song again")
    return vector


def values_of(content: bytes) -> Array:
    """The values [n], float32, of a vector on the wire; not to be written to. Raises VectorInvalidError."""
    if len(content) % WIDTH:
        raise VectorInvalidError(f"a vector has {len(content)} bytes; values are float32, {WIDTH} bytes each")
    return np.frombuffer(content, dtype=ON_THE_WIRE).astype(np.float32, copy=False)


def vector_to(vector: Vector) -> features_pb2.Vector:
    """The message of a vector."""
    return features_pb2.Vector(
        kind=kind_to(vector.kind),
        version=vector.version,
        values=vector.values.astype(ON_THE_WIRE, copy=False).tobytes(),
    )


def rule_from(options: inference_pb2.ClassifyOptions) -> Rule:
    """What the caller chooses about the vote; raises InvalidRequestError."""
    if options.top_k < 0:
        raise InvalidRequestError("top_k must not be negative; 0 takes the default")
    return Rule(
        thresholds=thresholds_from(options),
        max_stages=max_stages_from(options),
        top_k=options.top_k or DEFAULT_TOP_K,
    )


def thresholds_from(options: VotingOptions) -> tuple[float, ...]:
    """Confidence from which each stage decides, by stage; raises InvalidRequestError."""
    for threshold in options.stage_thresholds:
        if not 0 <= threshold <= 1:
            raise InvalidRequestError(f"a stage threshold is {threshold}; it must lie between 0 and 1")
    return tuple(options.stage_thresholds)


def max_stages_from(options: VotingOptions) -> int | None:
    """The most stages that are asked, None for all; raises InvalidRequestError."""
    if options.max_stages < 0:
        raise InvalidRequestError("max_stages must not be negative; 0 takes the default")
    return options.max_stages or None


def write_classification(
    classification: Classification, response: inference_pb2.ClassifyTrackResponse
) -> None:
    """Fill in the answer to ClassifyTrack, but for what features said of the audio.

    In place, the genres too: an answer of three stages made of messages that are copied into each other takes twice as
    long, and a stream makes thousands a second.
    """
    response.outcome = OUTCOMES[classification.outcome]
    response.provisional_reason = classification.reason
    response.vectors.extend(vector_to(vector) for vector in classification.computed)
    for verdict in classification.verdicts:
        write_verdict(verdict, response.verdicts.add())
    if classification.verdicts:
        deciding = classification.verdicts[-1]
        response.genre = deciding.top[0][0]
        response.confidence = deciding.confidence
        response.deciding_stage = deciding.stage
        response.model_version = deciding.model_version
        response.random_weights = deciding.random_weights
        response.out_of_fold = deciding.out_of_fold
        response.sound = sound_to(deciding)


def sound_to(verdict: StageVerdict) -> bytes:
    """The probabilities of all genres on the wire."""
    return np.asarray(verdict.probabilities, dtype=ON_THE_WIRE).tobytes()


def song_error_to(error: ServiceError | RemoteError) -> features_pb2.SongError:
    """The message of an error that one song of a stream met."""
    return message_of(features_pb2.SongError, error, code=error.code.value[0], message=short(str(error)))


def verdict_to(verdict: StageVerdict) -> inference_pb2.StageVerdict:
    """The message of a verdict."""
    message = inference_pb2.StageVerdict()
    write_verdict(verdict, message)
    return message


def write_verdict(verdict: StageVerdict, message: inference_pb2.StageVerdict) -> None:
    """Fill in the message of a verdict."""
    message.stage = verdict.stage
    message.model_version = verdict.model_version
    message.decided = verdict.decided
    message.threshold = verdict.threshold
    message.random_weights = verdict.random_weights
    message.out_of_fold = verdict.out_of_fold
    message.feature_versions.extend(verdict.feature_versions)
    for genre, probability in verdict.top:
        message.top.add(genre=genre, probability=probability)


def training_options_from(options: inference_pb2.TrainOptions) -> TrainingOptions:
    """Options with their defaults; raises InvalidRequestError."""
    defaults = TrainingOptions()
    folds = options.folds or defaults.folds
    fewest = options.min_songs_per_genre or defaults.min_songs_per_genre
    if not 2 <= folds <= MAX_FOLDS:
        raise InvalidRequestError(f"folds is {folds}; it must lie between 2 and {MAX_FOLDS}")
    if fewest < 2:
        raise InvalidRequestError(f"min_songs_per_genre is {fewest}; it must be at least 2")
    if options.seed < 0:
        raise InvalidRequestError(f"seed is {options.seed}; it must not be negative")
    return TrainingOptions(
        seed=options.seed,
        folds=folds,
        min_songs_per_genre=fewest,
        thresholds=thresholds_from(options),
        max_stages=max_stages_from(options),
        embeddings=embeddings_from(options.embeddings) or LISTED_EMBEDDINGS,
        others_too=not options.embeddings,
    )


def genres_from(song: inference_pb2.TrainingSong) -> list[str]:
    """The genres that a song's label names, each once; raises InvalidRequestError."""
    genres = [song.genre, *song.additional_genres]
    if not song.song_id or not all(genres):
        raise InvalidRequestError(
            "after the options each message must be a song with song_id and genre, and none of its further genres "
            "may be empty"
        )
    if len(song.song_id) > LONGEST_SONG_ID:
        raise InvalidRequestError(
            f"a song_id has {len(song.song_id)} characters, and at most {LONGEST_SONG_ID} are taken"
        )
    for genre in genres:
        # Genres are kept with the model, and shown and stored by whoever lists it.
        if len(genre) > LONGEST_GENRE or "\0" in genre:
            raise InvalidRequestError(
                f"song {song.song_id}: a genre has at most {LONGEST_GENRE} characters and no NUL; "
                f"{genre[:LONGEST_GENRE]!r} cannot be one"
            )
    return list(dict.fromkeys(genres))


def source_from(source: inference_pb2.LabelSource.ValueType) -> LabelSource:
    """Whose word a label is; who says nothing is trusted least. Raises InvalidRequestError."""
    if source == inference_pb2.LABEL_SOURCE_UNSPECIFIED:
        return LabelSource.TAG
    if source not in {int(known) for known in LabelSource}:
        raise InvalidRequestError(f"a label is of source {source}, which this service does not know")
    return LabelSource(source)


def split_part_from(request: inference_pb2.EvaluateRequest) -> SplitPart:
    """Which side of a split a song is on; raises InvalidRequestError."""
    part = request.song.part
    if part not in {int(known) for known in SplitPart}:
        raise InvalidRequestError(
            "after the options each message of Evaluate must be a song with its part of the split"
        )
    return SplitPart(part)


def stage_state_to(state: StageState) -> inference_pb2.StageStatus:
    """The message of a stage's state."""
    head = state.head
    return message_of(
        inference_pb2.StageStatus,
        state,
        stage=state.stage.number,
        kinds=kinds_to(state.kinds),
        model_version=head.version if head else None,
        device=HEAD_DEVICE if head else None,
        feature_versions=head.feature_versions.values() if head else None,
        genres=head.genres if head else None,
        train_time=state.trained_time,
    )


CALLER_ROLES = {
    inference_pb2.CALLER_ROLE_CALLER: Role.CALLER,
    inference_pb2.CALLER_ROLE_OPERATOR: Role.OPERATOR,
}


def callers_from(request: inference_pb2.SetCallersRequest) -> dict[str, Role]:
    """Roles by the fingerprints of tokens, as they are kept. Raises for a role that is none of theirs."""
    if any(caller.role not in CALLER_ROLES for caller in request.callers):
        raise InvalidRequestError("every caller needs the role CALLER_ROLE_CALLER or CALLER_ROLE_OPERATOR")
    return {caller.token_sha256.hex(): CALLER_ROLES[caller.role] for caller in request.callers}
