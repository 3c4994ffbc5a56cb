"""The door to inference for songs of a data set with a split of its own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import grpc
from reclass.inference.v1 import inference_pb2 as pb
from reclass.inference.v1 import inference_pb2_grpc

from portal.configuration import PortalSettings
from portal.remote.calls import channel_to, streamed
from portal.remote.inference import (
    TRAIN_TIMEOUT_SECONDS,
    Progress,
    TrainingSong,
    training_song_message,
)
from portal.remote.reports import EvaluationReport

_PARTS = {
    "training": pb.SPLIT_PART_TRAINING,
    "validation": pb.SPLIT_PART_VALIDATION,
    "test": pb.SPLIT_PART_TEST,
}


SplitSong = tuple[TrainingSong, str]
"""A song and the part of the split that it is in: training, validation or test."""


class EvaluationClient:
    """Typed calls; every failure is a `RemoteError`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = inference_pb2_grpc.InferenceServiceStub(channel)

    def evaluate(
        self, songs: Iterable[SplitSong], *, seed: int, title: str
    ) -> Iterator[Progress | EvaluationReport]:
        """Learn from the training part and evaluate on the test part; the report comes last."""

        def requests() -> Iterator[pb.EvaluateRequest]:
            yield pb.EvaluateRequest(options=pb.EvaluateOptions(seed=seed, title=title))
            for song, part in songs:
                message = pb.EvaluationSong(song=training_song_message(song), part=_PARTS[part])
                yield pb.EvaluateRequest(song=message)

        for answer in streamed(
            "inference", lambda: self._stub.Evaluate(requests(), timeout=TRAIN_TIMEOUT_SECONDS)
        ):
            yield answer.progress if answer.WhichOneof("part") == "progress" else answer.report


@contextmanager
def evaluation_at_hand() -> Iterator[EvaluationClient]:
    """As a command asks: over a channel of its own."""
    with channel_to(PortalSettings.load(), "inference") as channel:
        yield EvaluationClient(channel)
