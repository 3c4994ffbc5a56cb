"""The inference service over real gRPC, with the real Triton and a stand-in for features."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from features_stand_in import FeaturesStandIn
from inference.__main__ import build, channel_to_features
from inference.settings import InferenceSettings
from reclass.features.v1 import features_pb2, features_pb2_grpc
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
from runtime.channel import open_channel
from runtime.rights import Rights
from runtime.testing import running_server
from runtime.triton import Triton
from synthetic_library import SyntheticLibrary
from triton_server import TritonServer
from wire import packed

NAME = "reclass.inference.v1.InferenceService"
FMA = features_pb2.VECTOR_KIND_FMA


@dataclass(kw_only=True)
class System:
    """A running service and what it talks to."""

    stub: inference_pb2_grpc.InferenceServiceStub
    target: str
    """Where it listens."""
    triton: TritonServer
    features: FeaturesStandIn
    first_training: list[inference_pb2.TrainResponse] = field(default_factory=list)
    """What the fixture's own training answered."""

    def classify(self, *vectors: features_pb2.Vector, path: str = "") -> inference_pb2.ClassifyTrackResponse:
        """The verdict on vectors, or on the audio of a path."""
        audio = features_pb2.AudioReference(path=path) if path else None
        return self.stub.ClassifyTrack(inference_pb2.ClassifyTrackRequest(audio=audio, vectors=vectors))

    def train(self, requests: Iterator[inference_pb2.TrainRequest]) -> list[inference_pb2.TrainResponse]:
        """All answers of a training."""
        return list(self.stub.Train(requests, timeout=120))

    def version(self) -> str:
        """The version in service of the first stage."""
        return self.stub.GetStatus(inference_pb2.GetStatusRequest()).stages[0].model_version


def fma(library: SyntheticLibrary, song: int) -> features_pb2.Vector:
    """The FMA vector of a song."""
    return features_pb2.Vector(kind=FMA, version="test/1", values=packed(library.vectors[song]))


def training(
    library: SyntheticLibrary, options: inference_pb2.TrainOptions | None = None
) -> Iterator[inference_pb2.TrainRequest]:
    """The messages of a training on all songs of a library."""
    always = inference_pb2.TrainOptions(seed=1, promotion=inference_pb2.PROMOTION_ALWAYS)
    yield inference_pb2.TrainRequest(options=options or always)
    for song, label in enumerate(library.labels):
        message = inference_pb2.TrainingSong(
            song_id=f"song {song}",
            genre=library.genres[label],
            artist=f"artist {library.artists[song]}",
            vectors=[fma(library, song)],
        )
        yield inference_pb2.TrainRequest(song=message)


@contextmanager
def running_system(
    triton: TritonServer, *, rights: Rights | None = None, token: str | None = None, **chosen: object
) -> Iterator[System]:
    """The service on the repository of a Triton, with settings that a test has chosen."""
    features = FeaturesStandIn()
    server = Triton(triton.target)
    with ExitStack() as stack:
        there = stack.enter_context(running_server(features.services()))
        settings = InferenceSettings(
            model_repository=triton.repository,
            triton_target=triton.target,
            **{"features_target": f"127.0.0.1:{there.port}", **chosen},
        )
        stub = features_pb2_grpc.FeatureServiceStub(stack.enter_context(channel_to_features(settings)))
        servicer = build(settings, triton=server, features=stub)
        servicer.warm_up()
        register = partial(inference_pb2_grpc.add_InferenceServiceServicer_to_server, servicer)
        with running_server({NAME: register}, rights=rights) as listening:
            target = f"127.0.0.1:{listening.port}"
            with open_channel(target, token=token, timeout_seconds=60) as channel:
                yield System(
                    stub=inference_pb2_grpc.InferenceServiceStub(channel),
                    target=target,
                    triton=triton,
                    features=features,
                )
    server.close()
