"""Stand-ins for features and inference as the portal calls them: real gRPC, answers that a test chooses."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import grpc
from models_stand_in import IN_SERVICE, RETIRED, ModelsStandIn, made
from reclass.features.v1 import features_pb2, features_pb2_grpc
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
from runtime.errors import ServiceError
from wire import packed

FEATURES = "reclass.features.v1.FeatureService"
INFERENCE = "reclass.inference.v1.InferenceService"
VERSION = "test/1"
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
    permanent = True


@dataclass
class FeaturesStandIn(features_pb2_grpc.FeatureServiceServicer):
    """Answers for every song at once; `faults` are raised first, in order, by rating key."""

    faults: dict[str, list[ServiceError]] = field(default_factory=dict)
    extracted: list[str] = field(default_factory=list)
    request_ids: set[str] = field(default_factory=set)
    media_folders: list[str] = field(default_factory=list)
    versions: dict[int, str] = field(default_factory=lambda: {features_pb2.VECTOR_KIND_FMA: VERSION})
    away: dict[int, str] = field(default_factory=dict)
    """Versions of kinds that are not available for the moment."""
    details: dict[int, str] = field(default_factory=dict)
    for_trials: set[int] = field(default_factory=set)
    """The kinds that are installed."""
    costs: dict[int, tuple[str, float]] = field(default_factory=dict)
    """By kind: the licence of its weights, and the seconds that a core takes for a song."""
    tags: tuple[str, ...] = ("In the file",)
    """Genres that every file has in its own tags."""
    contents: dict[str, str] = field(default_factory=dict)
    """Content keys by rating key, where they are not the song's own."""
    decoded: list[str] = field(default_factory=list)
    """Rating keys of the songs that were not among the known ones."""
    processes: int = 1
    asked: list[features_pb2.ExtractRequest] = field(default_factory=list)
    asked_of_it: list[features_pb2.GetCapabilitiesRequest] = field(default_factory=list)
    mappings_locked: bool = False
    before_answer: Callable[[str], object] = field(default=lambda key: None)
    """Called with the rating key while a song is being extracted."""

    def Extract(
        self, request: features_pb2.ExtractRequest, context: grpc.ServicerContext
    ) -> features_pb2.ExtractResponse:
        key = request.audio.rating_key
        self.asked.append(request)
        self.request_ids.update(
            str(value) for name, value in context.invocation_metadata() if name == "x-request-id"
        )
        if self.faults.get(key):
            raise self.faults[key].pop(0)
        self.extracted.append(key)
        self.before_answer(key)
        content = self.contents.get(key, f"content {key}")
        tags = features_pb2.FileTags(genres=self.tags)
        if content in request.known_content_keys:
            return features_pb2.ExtractResponse(content_key=content, tags=tags, already_known=True)
        self.decoded.append(key)
        wanted = request.kinds or [features_pb2.VECTOR_KIND_FMA]
        return features_pb2.ExtractResponse(
            content_key=content,
            properties=features_pb2.AudioProperties(
                codec="mp3", sample_rate_hz=44100, channels=2, duration_seconds=31.5
            ),
            tags=tags,
            vectors=[
                features_pb2.Vector(
                    kind=kind,
                    version=self.version(kind, request.excerpt),
                    values=packed([float(key or 0), 1.0]),
                )
                for kind in wanted
                if kind in self.versions
            ],
        )

    def version(self, kind: int, excerpt: int) -> str:
        """Another one for each excerpt; empty for a kind that is not installed."""
        usual = excerpt in (features_pb2.EXCERPT_UNSPECIFIED, features_pb2.EXCERPT_MIDDLE_30S)
        return self.versions.get(kind, "") + ("" if usual else f";excerpt {excerpt}")

    def GetCapabilities(
        self, request: features_pb2.GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> features_pb2.GetCapabilitiesResponse:
        self.asked_of_it.append(request)
        kinds = [
            features_pb2.VectorCapability(
                kind=kind,
                available=kind in self.versions,
                version=self.version(kind, request.excerpt)
                if kind in self.versions
                else self.away.get(kind, ""),
                detail=self.details.get(kind, "cpu")
                if kind in self.versions
                else "It is not installed: download its weights",
                random_weights=kind in self.for_trials,
                licence=self.costs.get(kind, ("", 0.0))[0],
                cpu_seconds=self.costs.get(kind, ("", 0.0))[1],
            )
            for kind in (
                features_pb2.VECTOR_KIND_FMA,
                features_pb2.VECTOR_KIND_MERT,
                features_pb2.VECTOR_KIND_JMLA,
                features_pb2.VECTOR_KIND_FMA_NATIVE,
            )
        ]
        return features_pb2.GetCapabilitiesResponse(
            kinds=kinds,
            media_folders=self.media_folders,
            processes=self.processes,
            path_mappings_locked=self.mappings_locked,
        )


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

    def GetStatus(
        self, request: inference_pb2.GetStatusRequest, context: grpc.ServicerContext
    ) -> inference_pb2.GetStatusResponse:
        if self.silent:
            raise BusyError("Nothing is said at the moment.")
        stage = inference_pb2.StageStatus(
            stage=1,
            kinds=self.kinds,  # type: ignore[arg-type] # numbers of the enum
            ready=self.ready,
            model_version=self.model if self.ready else "",
            genres=self.learned,
            feature_versions=self.feature_versions,
            device="gpu 0",
            broken=bool(self.trouble),
            message=self.trouble,
        )
        return inference_pb2.GetStatusResponse(stages=[stage])


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
    return {
        FEATURES: partial(features_pb2_grpc.add_FeatureServiceServicer_to_server, features),
        INFERENCE: partial(inference_pb2_grpc.add_InferenceServiceServicer_to_server, inference),
    }
