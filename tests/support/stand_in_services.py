"""A stand-in for inference as the portal calls it, and both that it calls: real gRPC, answers that a test chooses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import grpc
from features_stand_in import FeaturesStandIn
from models_stand_in import IN_SERVICE, RETIRED, ModelsStandIn, made
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
from runtime.errors import ServiceError
from sounds import said_by, sound_of

INFERENCE = "reclass.inference.v1.InferenceService"
MODEL = "genre_test/1"
LEARNED = ("Blues", "Folk", "Jazz", "Pop_Rock", "Reggae")


class BusyError(ServiceError):
    """It may work the next time."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "BUSY"


class TooShortError(ServiceError):
    """The song stays too short."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "TOO_SHORT"


class NoModelError(ServiceError):
    """Nothing was trained."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "NO_MODEL"


@dataclass
class InferenceStandIn(ModelsStandIn):
    """Says `genre` of every song with `confidence`, where a model was trained."""

    genre: str = "Jazz"
    confidence: float = 0.9
    outcome: int = inference_pb2.OUTCOME_CLASSIFIED
    ready: bool = True
    trouble: str = ""
    """Why a model that should serve does not."""
    silent: bool = False
    """It says nothing of its state."""
    model: str = MODEL
    learned: tuple[str, ...] = LEARNED
    feature_versions: tuple[str, ...] = ()
    """What it has learned from; empty: it takes everything."""
    kinds: tuple[int, ...] = (features_pb2.VECTOR_KIND_FMA,)
    """The vectors that its stage takes."""
    later_kinds: tuple[int, ...] = ()
    """What each later stage adds to these."""
    verdicts_of_stages: int = 1
    """How many stages say something of a song."""
    streams: list[int] = field(default_factory=list)
    """Songs of each stream."""
    faults: list[ServiceError] = field(default_factory=list)
    audio_key: str = ""
    """Content key of the audio that it reads; empty where vectors are enough."""
    asked: list[inference_pb2.ClassifyTrackRequest] = field(default_factory=list)
    taught: list[inference_pb2.TrainingSong] = field(default_factory=list)
    trained_state: int = IN_SERVICE
    """Of a model that is trained now."""
    promotions: list[int] = field(default_factory=list)
    """What trainings were asked to do with their models."""
    train_options: list[inference_pb2.TrainOptions] = field(default_factory=list)
    out_of_fold_outcome: int = inference_pb2.OUTCOME_CLASSIFIED
    """Of the songs of a training."""
    random_weights: bool = False
    """Whether its verdicts are of vectors that random weights made."""
    unknown_heads: tuple[str, ...] = ()
    """Heads of other models, of whose songs nothing is decided."""
    refuses_to_decide: ServiceError | None = None
    tag_weight: float = 0.04
    """Probability that it leaves to a tag that stands for another genre."""
    decide_options: list[inference_pb2.DecideOptions] = field(default_factory=list)
    artists: list[inference_pb2.ArtistSongs] = field(default_factory=list)
    """Whom it was asked to decide."""
    judged: list[inference_pb2.SongEvidence] = field(default_factory=list)
    """Songs that people had judged when it was asked last."""

    def _verdict(self, genre: str, stage: int = 1) -> inference_pb2.StageVerdict:
        top = [inference_pb2.GenreScore(genre=genre, probability=self.confidence)]
        return inference_pb2.StageVerdict(
            stage=stage,
            model_version=self.model,
            top=top,
            decided=True,
            threshold=0.8 if stage == 1 else 0.7,
            random_weights=self.random_weights,
        )

    def ClassifyTracks(
        self, requests: Iterator[inference_pb2.ClassifyTracksRequest], context: grpc.ServicerContext
    ) -> Iterator[inference_pb2.ClassifyTracksResponse]:
        mine = len(self.streams)  # others begin meanwhile
        self.streams.append(0)
        for request in requests:
            self.streams[mine] += 1
            self.asked.append(request.track)
            answer = inference_pb2.ClassifyTracksResponse(key=request.key)
            if self.faults:
                answer.error.CopyFrom(song_error(self.faults.pop(0)))
            else:
                answer.classification.CopyFrom(self._classification(request.track))
            yield answer

    def _classification(
        self, request: inference_pb2.ClassifyTrackRequest
    ) -> inference_pb2.ClassifyTrackResponse:
        return inference_pb2.ClassifyTrackResponse(
            outcome=self.outcome,  # type: ignore[arg-type] # any number of the enum
            genre=self.genre,
            confidence=self.confidence,
            deciding_stage=1,
            model_version=self.model,
            random_weights=self.random_weights,
            verdicts=[self._verdict(self.genre, stage + 1) for stage in range(self.verdicts_of_stages)],
            content_key=self.audio_key,
            sound=sound_of(self.genre, self.confidence),
        )

    def Train(
        self, requests: Iterator[inference_pb2.TrainRequest], context: grpc.ServicerContext
    ) -> Iterator[inference_pb2.TrainResponse]:
        self.train_options.append(next(requests).options)
        self.promotions.append(self.train_options[-1].promotion)
        songs = [request.song for request in requests]
        self.taught = songs
        progress = inference_pb2.TrainProgress(step="learning", fraction=0.5)
        yield inference_pb2.TrainResponse(progress=progress)
        for song in songs:
            said = inference_pb2.OutOfFoldPrediction(
                song_id=song.song_id,
                verdicts=[self._verdict(self.genre)],
                suspected_label_error=song.genre != self.genre,
                outcome=self.out_of_fold_outcome,  # type: ignore[arg-type] # any number of the enum
                deciding_stage=1,
                sound=sound_of(self.genre, self.confidence),
            )
            yield inference_pb2.TrainResponse(out_of_fold=said)
        stage = inference_pb2.StageReport(stage=1, model_version=self.model, held_out_accuracy=0.75)
        model = self._trained(songs)
        report = inference_pb2.TrainingReport(
            stages=[stage],
            model=model,
            song_count=len(songs),
            genres=model.genres,
            skipped_genres=[inference_pb2.SkippedGenre(genre="Folk", reason="2 songs, 5 are needed")],
        )
        yield inference_pb2.TrainResponse(report=report)

    def _trained(self, songs: Sequence[inference_pb2.TrainingSong]) -> inference_pb2.Model:
        """Of the head that serves, kept with the others; the one before is retired."""
        model = made(1, self.trained_state, "No better: 70 % against 71 %.")
        model.random_weights = self.random_weights
        model.heads[:] = [self.model]
        model.genres[:] = sorted({song.genre for song in songs})
        model.song_count = len(songs)
        others = [each for each in self.models if each.name != model.name]
        for each in others:
            if model.state == IN_SERVICE == each.state:
                each.state = RETIRED
        self.models = [model, *others]
        return model

    def DecideTracks(
        self, requests: Iterator[inference_pb2.DecideTracksRequest], context: grpc.ServicerContext
    ) -> Iterator[inference_pb2.DecideTracksResponse]:
        self.decide_options.append(next(requests).options)
        if self.refuses_to_decide:
            raise self.refuses_to_decide
        if not self.ready:
            raise NoModelError("No model is in service.")
        self.judged = []
        is_read = False
        for request in requests:
            if request.HasField("judged"):
                self.judged += [song for album in request.judged.albums for song in album.songs]
                continue
            if not is_read:
                is_read = True
                yield inference_pb2.DecideTracksResponse(reading=self._reading())
            self.artists.append(request.artist)
            for album in request.artist.albums:
                for song in album.songs:
                    yield inference_pb2.DecideTracksResponse(decision=self._decision(song))
        if not is_read:
            yield inference_pb2.DecideTracksResponse(reading=self._reading())

    def _reading(self) -> inference_pb2.NoiseReading:
        """Narrower with each judgement, about the share of them that found the tag wrong."""
        by_act = {song.judgement.act or song.key: song for song in self.judged}
        count = len(by_act)
        wrong = sum(not set(song.judgement.genres) & set(song.tags) for song in by_act.values())
        share, half = (wrong + 1) / (count + 2), 0.45 / (count + 1) ** 0.5
        return inference_pb2.NoiseReading(
            contradiction_rate=0.1,
            wrong_share=share,
            wrong_share_low=max(share - half, 0),
            wrong_share_high=min(share + half, 1),
            promise=inference_pb2.CoveragePoint(
                threshold=0.8, coverage=0.6, accuracy=0.95, accuracy_low=0.93
            ),
            calibration_error=0.02,
            overconfidence=-0.034,
            judgements=count,
            judged_songs=len(self.judged),
        )

    def _decision(self, song: inference_pb2.SongEvidence) -> inference_pb2.Decision:
        """By its sound alone; of another model's songs nothing."""
        if song.model_version in self.unknown_heads:
            return inference_pb2.Decision(key=song.key)
        known = said_by(song.sound)
        genre = max(known, key=known.__getitem__)
        confidence = known[genre]
        tag_probability = min(self.tag_weight, 1 - confidence) if song.tags else 0.0
        if genre in song.tags:
            tag_probability = confidence
        kind = inference_pb2.WRITE_KIND_CORRECTION if song.tags else inference_pb2.WRITE_KIND_FILL
        sound, tags = (
            inference_pb2.DecisionPart(source=source, genre=genre, probability=confidence)
            for source in (inference_pb2.EVIDENCE_SOURCE_SOUND, inference_pb2.EVIDENCE_SOURCE_TAGS)
        )
        return inference_pb2.Decision(
            key=song.key,
            genre=genre,
            confidence=confidence,
            confidence_mean=min(confidence + 0.02, 1),
            confidence_high=min(confidence + 0.05, 1),
            kind=inference_pb2.WRITE_KIND_NONE if genre in song.tags else kind,
            parts=[sound, tags],
            tag_probability=tag_probability,
        )

    def GetStatus(
        self, request: inference_pb2.GetStatusRequest, context: grpc.ServicerContext
    ) -> inference_pb2.GetStatusResponse:
        if self.silent:
            raise BusyError("Nothing is said at the moment.")
        stages = map(self._stage, range(1, len(self.later_kinds) + 2))
        return inference_pb2.GetStatusResponse(stages=stages)

    def _stage(self, number: int) -> inference_pb2.StageStatus:
        kinds = (*self.kinds, *self.later_kinds[: number - 1])
        model = self.model if number == 1 else f"{self.model}.{number}"
        return inference_pb2.StageStatus(
            stage=number,
            kinds=kinds,  # type: ignore[arg-type] # numbers of the enum
            ready=self.ready,
            model_version=model if self.ready else "",
            genres=self.learned,
            feature_versions=self.feature_versions[: len(kinds)]
            if self.later_kinds
            else self.feature_versions,
            device="gpu 0",
            broken=bool(self.trouble),
            message=self.trouble,
        )


def song_error(error: ServiceError) -> features_pb2.SongError:
    """The error of one song of a stream."""
    return features_pb2.SongError(
        code=error.code.value[0],
        reason=error.reason,
        domain=error.domain,
        message=str(error),
        permanent=error.permanent,
    )


def registered(features: FeaturesStandIn, inference: InferenceStandIn) -> dict[str, partial[None]]:
    """Both, as runtime's server takes them."""
    add = partial(inference_pb2_grpc.add_InferenceServiceServicer_to_server, inference)
    return {**features.services(), INFERENCE: add}
