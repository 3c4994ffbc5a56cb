"""The door to inference for songs of a data set with a split of its own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reclass.inference.v1 import inference_pb2 as pb
from reclass.inference.v1 import inference_pb2_grpc

from portal.configuration import PortalSettings
from portal.remote.audio import VectorValues, vector_message
from portal.remote.calls import channel_to, streamed, translated
from portal.remote.inference import TRAIN_TIMEOUT_SECONDS, Progress
from portal.remote.messages import read, to_dict
from portal.remote.reports import EvaluationReport, Picture

_PARTS = {
    "training": pb.SPLIT_PART_TRAINING,
    "validation": pb.SPLIT_PART_VALIDATION,
    "test": pb.SPLIT_PART_TEST,
}


@dataclass(frozen=True, kw_only=True)
class SplitSong:
    """A song and the part of the split that it is in: training, validation or test."""

    song_id: str
    genre: str
    artist: str
    part: str
    vector: VectorValues


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How good our heads are on the split."""

    report: EvaluationReport
    pictures: tuple[Picture, ...]
    content: dict[str, Any]
    """The report as it is saved: all of it but the pictures, with the contract's own names."""


class EvaluationClient:
    """Typed calls; every failure is a `RemoteError`."""

    def __init__(self, stub: inference_pb2_grpc.InferenceServiceStub) -> None:
        self._stub = stub

    def evaluate(
        self, songs: Iterable[SplitSong], *, seed: int, title: str
    ) -> Iterator[Progress | Evaluation]:
        """Learn from the training part and evaluate on the test part; the evaluation comes last."""

        def requests() -> Iterator[pb.EvaluateRequest]:
            yield pb.EvaluateRequest(options=pb.EvaluateOptions(seed=seed, title=title))
            yield from map(_request, songs)

        with translated("inference"):
            answers = self._stub.Evaluate(requests(), timeout=TRAIN_TIMEOUT_SECONDS)
        try:
            for answer in streamed("inference", answers):
                yield _event(answer)
        finally:
            # Whoever leaves this loop early waits for nothing any more.
            answers.cancel()


@contextmanager
def evaluation_at_hand() -> Iterator[EvaluationClient]:
    """As a command asks: over a channel of its own."""
    settings = PortalSettings.load()
    channel = channel_to(settings, "inference")
    try:
        yield EvaluationClient(inference_pb2_grpc.InferenceServiceStub(channel))
    finally:
        channel.close()


def _request(song: SplitSong) -> pb.EvaluateRequest:
    training_song = pb.TrainingSong(
        song_id=song.song_id,
        genre=song.genre,
        group=song.artist,
        vectors=[vector_message(song.vector)],
        source=pb.LABEL_SOURCE_PUBLIC_TABLE,
    )
    return pb.EvaluateRequest(song=pb.EvaluationSong(song=training_song, part=_PARTS[song.part]))


def _event(answer: pb.EvaluateResponse) -> Progress | Evaluation:
    if answer.WhichOneof("part") == "progress":
        return Progress(step=answer.progress.step, fraction=answer.progress.fraction)
    report = read(answer.report, EvaluationReport)
    pictures = tuple(read(each, Picture) for each in answer.report.pictures)
    del answer.report.pictures[:]
    return Evaluation(report=report, pictures=pictures, content=to_dict(answer.report))
