"""How much of a stream is in the works, and what becomes of it when its caller goes away."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from inference.classify.progressive import Vote
from inference.classify.song_vectors import Hear, Song
from inference.classify.stages import STAGES, Array, Vector, VectorKind
from inference.classify.verdicts import Heard, InstalledHead, Opinions, Rule
from inference.errors import InvalidRequestError
from inference.rpc.stream_session import Entry, SongStream, StreamLimits
from runtime.open_calls import CallIdleError
from waiting import until

HEAD = InstalledHead(
    stage=STAGES[0],
    version="genre_fma/1",
    genres=("Blues", "Jazz"),
    temperature=1.0,
    feature_versions={VectorKind.FMA: "1"},
)
FMA = Vector(kind=VectorKind.FMA, version="1", values=np.zeros(518, dtype=np.float32))


@dataclass(frozen=True)
class OneCase:
    """A song of these tests."""

    vote: Vote


class Judge:
    """Says the same of every song, and remembers how many it was asked about at once."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, head: InstalledHead, vectors: Array) -> Opinions:
        self.asked.append(len(vectors))
        return Opinions(logits=np.zeros((len(vectors), 2), dtype=np.float32), distances=None)


def limits(
    songs: int = 4, content_bytes: int = 100, hearings: int = 2, idle_seconds: float = 60
) -> StreamLimits:
    return StreamLimits(
        songs=songs, content_bytes=content_bytes, hearings=hearings, idle_seconds=idle_seconds
    )


def sent(number: int) -> OneCase:
    return OneCase(Vote(heads=[HEAD], song=Song(sent=[FMA], hear=None), rule=Rule()))


def heard_by(hear: Hear) -> OneCase:
    return OneCase(Vote(heads=[HEAD], song=Song(sent=[], hear=hear), rule=Rule()))


def test_nothing_more_is_read_until_answers_are_taken() -> None:
    taken = []

    def requests() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    stream = SongStream(begin=sent, size=lambda _: 0, judge=Judge(), limits=limits(songs=4))
    answers = stream.answers(requests())
    next(answers)
    until(lambda: len(taken) == 5)  # four in the works, and one that waits for room
    threading.Event().wait(0.2)  # as long as a mistake would need to show
    assert len(taken) == 5
    assert len([answer.request for answer in answers]) == 99
    assert len(taken) == 100


def test_a_stream_with_nothing_in_the_works_ends_after_a_while_and_one_at_work_does_not() -> None:
    gate, at_work = threading.Event(), threading.Event()

    def requests() -> Iterator[int]:
        yield 1
        gate.wait(30)

    def hear(kinds: Sequence[VectorKind]) -> Heard:
        at_work.wait(0.5)  # longer than it may be idle
        return Heard(vectors=(FMA,))

    stream = SongStream(
        begin=lambda _: heard_by(hear), size=lambda _: 0, judge=Judge(), limits=limits(idle_seconds=0.1)
    )
    answers = stream.answers(requests())
    assert next(answers).request == 1
    with pytest.raises(CallIdleError, match=r"for 0\.1 seconds"):
        next(answers)
    gate.set()


def test_what_has_arrived_meanwhile_is_judged_together() -> None:
    judge = Judge()
    arrived = threading.Event()

    def requests() -> Iterator[int]:
        yield from range(10)
        arrived.set()

    def begin(number: int) -> OneCase:
        arrived.wait(10)  # the first one takes until the others are there
        return sent(number)

    stream = SongStream(begin=begin, size=lambda _: 0, judge=judge, limits=limits(songs=50))
    assert len(list(stream.answers(requests()))) == 10
    assert judge.asked[-1] >= 5
    assert sum(judge.asked) == 10


def test_what_serves_is_looked_at_once_for_songs_that_arrived_together() -> None:
    judge, looks = Judge(), []
    stream = SongStream(
        look=lambda: looks.append(len(judge.asked)),
        begin=sent,
        size=lambda _: 0,
        judge=judge,
        limits=limits(songs=50),
    )
    assert len(list(stream.answers(iter(range(40))))) == 40
    assert len(judge.asked) <= len(looks) <= len(judge.asked) + 1, "the end of the stream may come by itself"
    assert looks[0] == 0, "before the first song begins"


def test_a_request_that_is_wrong_is_answered_in_its_place() -> None:
    def begin(number: int) -> OneCase:
        if number == 1:
            raise InvalidRequestError("top_k must not be negative")
        return sent(number)

    stream = SongStream(begin=begin, size=lambda _: 0, judge=Judge(), limits=limits())
    answers: dict[int, Entry[int, OneCase]] = {each.request: each for each in stream.answers(iter(range(3)))}
    assert answers[0].outcome().vote.result().verdicts
    with pytest.raises(InvalidRequestError, match="must not be negative"):
        answers[1].outcome()
    assert answers[2].outcome().vote.result().verdicts


def test_an_error_that_nobody_expected_ends_the_stream_and_its_threads() -> None:
    def hear(kinds: Sequence[VectorKind]) -> Heard:
        raise ZeroDivisionError("a bug")

    stream = SongStream(begin=lambda _: heard_by(hear), size=lambda _: 0, judge=Judge(), limits=limits())
    with pytest.raises(ZeroDivisionError, match="a bug"):
        list(stream.answers(iter(range(3))))
    until(lambda: not any(thread.name.startswith("listening") for thread in threading.enumerate()))


def test_a_cancelled_stream_stops_reading_and_listening() -> None:
    begun = threading.Event()
    released = threading.Event()
    taken = []

    def hear(kinds: Sequence[VectorKind]) -> Heard:
        begun.set()
        released.wait(10)
        return Heard(vectors=(FMA,))

    def requests() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    stream = SongStream(begin=lambda _: heard_by(hear), size=lambda _: 0, judge=Judge(), limits=limits())
    cancelling = threading.Thread(target=lambda: begun.wait(10) and stream.cancel())
    cancelling.start()
    assert list(stream.answers(requests())) == []
    released.set()
    until(
        lambda: not any(thread.name.startswith(("listening", "reading")) for thread in threading.enumerate())
    )
    assert len(taken) <= 6
