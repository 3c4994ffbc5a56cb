"""Songs of one stream: what is shared by those that arrive together, and what becomes of each."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from inference.arrays import Array, Ints
from inference.classify.stages import FIRST_STAGE, FMA
from inference.classify.verdicts import HeadOutput, InstalledHead
from inference.rpc.classify_request import Classifier, Request, Response, StreamSession
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2
from runtime.streams import Caller, SongStream, StreamLimits
from wire import packed

HEAD = InstalledHead(
    stage=FIRST_STAGE,
    version="genre_fma/1",
    genres=("Blues", "Jazz"),
    temperature=1.0,
    feature_versions={FMA: "1"},
    ood_threshold=1.0,
)
FMA = features_pb2.Vector(kind=1, version="1", values=packed([0.0] * 518))


@dataclass
class StandInHeads:
    """One head that predicts the same for every song, and remembers how often it was looked up and asked."""

    lookups: int = 0
    batches: list[int] = field(default_factory=list)

    def installed(self) -> list[InstalledHead]:
        self.lookups += 1
        return [HEAD]

    def predict(self, head: InstalledHead, vectors: Array, folds: Ints) -> HeadOutput:
        self.batches.append(len(vectors))
        rows = len(vectors)
        return HeadOutput(
            logits=np.zeros((rows, 2), dtype=np.float32), distances=np.zeros(rows, dtype=np.float32)
        )


def song(key: str, **options: int) -> Request:
    track = inference_pb2.ClassifyTrackRequest(
        vectors=[FMA], options=inference_pb2.ClassifyOptions(**options)
    )
    return inference_pb2.ClassifyTracksRequest(key=key, track=track)


def answers(heads: Any, requests: Iterator[Request]) -> list[Response]:
    classifier = Classifier(
        heads=heads, models=Any, features=Any, extract_timeout_seconds=1, max_content_bytes=100
    )  # type: ignore[arg-type]
    session = StreamSession(classifier=classifier, predict=heads.predict, caller=Caller(lambda: None))
    limits = StreamLimits(songs=50, content_bytes=100, workers=1)
    return list(SongStream(begin=session.begin, size=lambda _: 0, limits=limits).answers(requests))


def test_songs_that_have_arrived_meanwhile_share_a_call_of_the_head() -> None:
    heads, arrived = StandInHeads(), threading.Event()

    def requests() -> Iterator[Request]:
        yield from (song(str(number)) for number in range(10))
        arrived.set()

    installed = heads.installed
    heads.installed = lambda: (arrived.wait(10), installed())[1]  # type: ignore[method-assign] # until all are there
    assert len(answers(heads, requests())) == 10
    assert heads.batches[-1] >= 5
    assert sum(heads.batches) == 10


def test_what_serves_is_looked_up_once_for_songs_that_arrived_together() -> None:
    heads = StandInHeads()
    assert len(answers(heads, iter([song(str(number)) for number in range(40)]))) == 40
    assert heads.lookups == len(heads.batches)


def test_a_request_that_is_wrong_is_answered_in_its_place() -> None:
    requests: Sequence[Request] = [song("0"), song("1", top_k=-1), song("2")]
    found = {answer.key: answer for answer in answers(StandInHeads(), iter(requests))}
    assert [found[key].classification.genre for key in ("0", "2")] == ["Blues", "Blues"]
    assert found["1"].error.reason == "INVALID_REQUEST"
    assert "top_k" in found["1"].error.message


def test_a_song_that_lacks_vectors_and_audio_is_answered_with_its_error() -> None:
    bare = inference_pb2.ClassifyTracksRequest(key="0", track=inference_pb2.ClassifyTrackRequest())
    (answer,) = answers(StandInHeads(), iter([bare]))
    assert answer.error.reason == "AUDIO_REQUIRED"
