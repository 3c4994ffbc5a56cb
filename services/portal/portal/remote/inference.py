"""The door to the inference service."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
from reclass.features.v1.features_pb2 import SongError
from reclass.inference.v1 import inference_pb2 as pb
from reclass.inference.v1 import inference_pb2_grpc
from runtime.errors import RemoteError

from portal.configuration import PortalSettings
from portal.preferences.values import Preferences
from portal.remote.audio import (
    AudioSource,
    ExtractionResult,
    VectorValues,
    extraction_result,
    kind_name,
    kind_number,
    made_by_random_weights,
    reference,
    vector_message,
)
from portal.remote.calls import channel_to, streamed, translated
from portal.remote.reports import EvaluationReport, TrainingReport
from portal.remote.request_settings import classify_options, voting
from portal.remote.verdicts import GenreScore, StageVerdict

# A service that restarts, and then for each song: one without vectors has to be extracted, another may have to be.
CLASSIFY_TIMEOUT_SECONDS = 180.0
EXTRACT_TIMEOUT_SECONDS = 30.0
ADDITIONAL_EXTRACT_TIMEOUT_SECONDS = 5.0
# 100,000 songs with their folds take minutes; a training that takes this long hangs.
TRAIN_TIMEOUT_SECONDS = 4 * 3600.0

MOST_EMBEDDINGS = 6
"""As many as a training takes."""
Progress = pb.TrainProgress
"""How far a training is: `step` in words, and `fraction`, 0 to 1."""
IF_BETTER, NEVER = "if-better", "never"
PROMOTIONS = {
    IF_BETTER: pb.PROMOTION_IF_BETTER,
    NEVER: pb.PROMOTION_NEVER,
    "always": pb.PROMOTION_ALWAYS,
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_OUTCOMES = {
    pb.OUTCOME_CLASSIFIED: "classified",
    pb.OUTCOME_NO_MODEL: "no model",
    pb.OUTCOME_PROVISIONAL: "provisional",
    pb.OUTCOME_OUT_OF_DISTRIBUTION: "out_of_distribution",
}

_LABEL_SOURCES = {
    "override": pb.LABEL_SOURCE_OVERRIDE,
    "taught": pb.LABEL_SOURCE_TAUGHT,
    "public": pb.LABEL_SOURCE_PUBLIC_TABLE,
    "tag": pb.LABEL_SOURCE_TAG,
}


_SPLIT_PARTS = {
    "training": pb.SPLIT_PART_TRAINING,
    "validation": pb.SPLIT_PART_VALIDATION,
    "test": pb.SPLIT_PART_TEST,
}


@dataclass(frozen=True, kw_only=True)
class Classification:
    """The genre of one song."""

    outcome: str
    """classified, no model, provisional or out_of_distribution."""
    genre: str
    confidence: float
    deciding_stage: int
    model_version: str
    verdicts: tuple[StageVerdict, ...]
    provisional_reason: str
    extraction: ExtractionResult
    """What was found out on the way; empty when the stored vectors were enough."""
    random_weights: bool = False
    """The deciding stage's vectors were made by random weights."""
    sound: bytes = b""
    """Probabilities of all genres by the deciding stage, as they come: what a decision is told of the sound."""


@dataclass(frozen=True, kw_only=True)
class SongToClassify:
    """A song, what is stored of it, and where the audio is for what is not."""

    track_id: int
    vectors: tuple[VectorValues, ...]
    source: AudioSource
    artist: str = ""
    album_artist: str = ""
    """Both as the tags have them: a model that has learned from the artist answers by a head that has not."""


@dataclass(frozen=True, kw_only=True)
class TrainingSong:
    """A labelled song; songs of one artist are never on both sides of a split."""

    song_id: str
    genre: str
    artist: str
    """As the tags have it; empty where nobody is named."""
    vectors: tuple[VectorValues, ...]
    album_artist: str = ""
    album: str = ""
    source: str = "tag"
    """Whose word the genre is: override, taught, public or tag."""
    additional_genres: tuple[str, ...] = ()
    """Further genres that it counts for."""


SplitSong = tuple[TrainingSong, str]
"""A song of a data set, and the part of its split that it is in: training, validation or test."""


@dataclass(frozen=True, kw_only=True)
class OutOfFold:
    """What a model without this song's artist in its training says of it."""

    song_id: str
    verdicts: tuple[StageVerdict, ...]
    suspected_label_error: bool
    outcome: str
    """classified, or out_of_distribution for a song unlike those that such a model learned from."""
    deciding_stage: int
    """Number of the stage that has the last word by the thresholds in force."""
    sound: bytes = b""
    """That stage's probabilities of all genres, as they come."""

    @property
    def deciding(self) -> StageVerdict | None:
        """The verdict of that stage; None where it names no genre."""
        of_stage = (each for each in self.verdicts if each.stage == self.deciding_stage and each.top)
        return next(of_stage, None)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage of the voting, and the model that serves it."""

    stage: int
    kinds: tuple[str, ...]
    ready: bool
    model_version: str
    feature_versions: tuple[str, ...]
    genres: tuple[str, ...]
    trained_time: datetime | None
    message: str
    device: str = ""
    """Where its model runs; empty where inference does not say."""
    broken: bool = False
    """A model should serve and cannot; `message` says why."""
    features: str = ""
    """What it uses, in words, where somebody has put them there."""

    @property
    def learned_versions(self) -> dict[str, str]:
        """The version of each kind of vector that its model has learned from."""
        return dict(zip(self.kinds, self.feature_versions, strict=False))

    @property
    def is_for_trials(self) -> bool:
        """Whether it has learned from vectors that random weights made."""
        return any(map(made_by_random_weights, self.feature_versions))


class InferenceClient:
    """Typed calls; every failure is a `RemoteError`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = inference_pb2_grpc.InferenceServiceStub(channel)

    def classify(
        self, songs: Sequence[SongToClassify], settings: Preferences
    ) -> Iterator[tuple[int, Classification | RemoteError]]:
        """Decide the genres of songs: each is answered once, as soon as it is known, with its verdict or its error.

        What is needed in addition to the vectors is extracted. Raises `RemoteError` when the call itself fails.
        """
        options = classify_options(settings)
        requests = (_request(song, options) for song in songs)
        seconds = _seconds_for(songs)
        for answer in streamed("inference", lambda: self._stub.ClassifyTracks(requests, timeout=seconds)):
            failed = answer.WhichOneof("result") == "error"
            yield (
                int(answer.key),
                _song_error(answer.error) if failed else _classification(answer.classification),
            )

    def train(
        self,
        songs: Iterable[TrainingSong],
        settings: Preferences,
        *,
        seed: int,
        promotion: str = IF_BETTER,
        embeddings: Sequence[str] = (),
    ) -> Iterator[Progress | OutOfFold | TrainingReport]:
        """Learn from labelled songs; the report comes last, and says whether the new model serves. Stages add
        `embeddings` in this order, at most `MOST_EMBEDDINGS`."""

        def requests() -> Iterator[pb.TrainRequest]:
            options = pb.TrainOptions(
                seed=seed,
                promotion=PROMOTIONS[promotion],
                embeddings=map(kind_number, embeddings[:MOST_EMBEDDINGS]),
                **voting(settings),
            )
            yield pb.TrainRequest(options=options)
            for song in songs:
                yield pb.TrainRequest(song=_training_song(song))

        answers = streamed("inference", lambda: self._stub.Train(requests(), timeout=TRAIN_TIMEOUT_SECONDS))
        yield from map(_training_event, answers)

    def evaluate(
        self, songs: Iterable[SplitSong], *, seed: int, title: str
    ) -> Iterator[Progress | EvaluationReport]:
        """Learn from the training part of a data set and evaluate on its test part; the report comes last."""

        def requests() -> Iterator[pb.EvaluateRequest]:
            yield pb.EvaluateRequest(options=pb.EvaluateOptions(seed=seed, title=title))
            for song, part in songs:
                message = pb.EvaluationSong(song=_training_song(song), part=_SPLIT_PARTS[part])
                yield pb.EvaluateRequest(song=message)

        for answer in streamed(
            "inference", lambda: self._stub.Evaluate(requests(), timeout=TRAIN_TIMEOUT_SECONDS)
        ):
            yield answer.progress if answer.WhichOneof("part") == "progress" else answer.report

    def status(self, *, timeout_seconds: float = 10.0) -> tuple[Stage, ...]:
        """The stages and what serves them."""
        with translated("inference"):
            answer = self._stub.GetStatus(pb.GetStatusRequest(), timeout=timeout_seconds)
        return tuple(
            Stage(
                stage=each.stage,
                kinds=tuple(kind_name(kind) for kind in each.kinds),
                ready=each.ready,
                model_version=each.model_version,
                feature_versions=tuple(each.feature_versions),
                genres=tuple(each.genres),
                trained_time=each.train_time.ToDatetime(tzinfo=UTC) if each.train_time.seconds else None,
                message=each.message,
                device=each.device,
                broken=each.broken,
            )
            for each in answer.stages
        )


def stages(timeout_seconds: float) -> tuple[Stage, ...]:
    """The stages as a web page asks for them: a channel of its own, and an answer soon or a `RemoteError`."""
    with channel_to(PortalSettings.load(), "inference", patient=False) as channel:
        return InferenceClient(channel).status(timeout_seconds=timeout_seconds)


def _seconds_for(songs: Sequence[SongToClassify]) -> float:
    without_vectors = sum(not song.vectors for song in songs)
    more = ADDITIONAL_EXTRACT_TIMEOUT_SECONDS * (len(songs) - without_vectors)
    return CLASSIFY_TIMEOUT_SECONDS + EXTRACT_TIMEOUT_SECONDS * without_vectors + more


def _request(song: SongToClassify, options: pb.ClassifyOptions) -> pb.ClassifyTracksRequest:
    vectors = map(vector_message, song.vectors)
    track = pb.ClassifyTrackRequest(
        vectors=vectors,
        audio=reference(song.source),
        options=options,
        artist=song.artist,
        album_artist=song.album_artist,
    )
    return pb.ClassifyTracksRequest(key=str(song.track_id), track=track)


def _training_song(song: TrainingSong) -> pb.TrainingSong:
    """A labelled song on its way out."""
    return pb.TrainingSong(
        song_id=song.song_id,
        genre=song.genre,
        artist=song.artist,
        album_artist=song.album_artist,
        album=song.album,
        vectors=map(vector_message, song.vectors),
        source=_LABEL_SOURCES[song.source],
        additional_genres=song.additional_genres,
    )


def _classification(answer: pb.ClassifyTrackResponse) -> Classification:
    return Classification(
        outcome=_OUTCOMES.get(answer.outcome, str(answer.outcome)),
        genre=answer.genre,
        confidence=answer.confidence,
        deciding_stage=answer.deciding_stage,
        model_version=answer.model_version,
        verdicts=_verdicts(answer.verdicts),
        provisional_reason=answer.provisional_reason,
        extraction=extraction_result(answer.content_key, answer.properties, answer.tags, answer.vectors),
        random_weights=answer.random_weights,
        sound=answer.sound,
    )


def _song_error(error: SongError) -> RemoteError:
    return RemoteError(
        code=_CODES.get(error.code, grpc.StatusCode.UNKNOWN),
        message=error.message,
        reason=error.reason,
        domain=error.domain,
        permanent=error.permanent,
    )


def _verdicts(messages: Iterable[pb.StageVerdict]) -> tuple[StageVerdict, ...]:
    return tuple(
        StageVerdict(
            stage=each.stage,
            model_version=each.model_version,
            decided=each.decided,
            threshold=each.threshold,
            top=tuple(GenreScore(genre=score.genre, probability=score.probability) for score in each.top),
            random_weights=each.random_weights,
        )
        for each in messages
    )


def _training_event(answer: pb.TrainResponse) -> Progress | OutOfFold | TrainingReport:
    part = answer.WhichOneof("part")
    if part == "progress":
        return answer.progress
    return out_of_fold_of(answer.out_of_fold) if part == "out_of_fold" else answer.report


def out_of_fold_of(message: pb.OutOfFoldPrediction) -> OutOfFold:
    """What was said of a song out of fold."""
    return OutOfFold(
        song_id=message.song_id,
        verdicts=_verdicts(message.verdicts),
        suspected_label_error=message.suspected_label_error,
        # Who does not say it cannot be believed: such a song is never written.
        outcome=_OUTCOMES.get(message.outcome, "out_of_distribution"),
        deciding_stage=message.deciding_stage,
        sound=message.sound,
    )
