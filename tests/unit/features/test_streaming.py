"""How much of a stream is in the works, and what ends when its caller goes away."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from features.caller import Caller
from features.streaming import SongStream, StreamLimits
from runtime.open_calls import CallIdleError
from waiting import until


def limits(
    songs: int = 4, content_bytes: int = 100, at_once: int = 2, idle_seconds: float = 60
) -> StreamLimits:
    return StreamLimits(songs=songs, content_bytes=content_bytes, at_once=at_once, idle_seconds=idle_seconds)


def stream_of(hear, size=lambda _: 0, **changes: float) -> SongStream[int, int]:
    return SongStream(hear=hear, size=size, limits=limits(**changes))


def test_every_request_is_answered_once() -> None:
    stream = stream_of(lambda number: -number)
    assert sorted(stream.answers(iter(range(50)))) == sorted(-number for number in range(50))


def test_nothing_more_is_read_until_answers_are_taken() -> None:
    taken = []

    def requests() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    answers = stream_of(lambda number: number, songs=4).answers(requests())
    next(answers)
    until(lambda: len(taken) == 5)  # four in the works, and one that waits for room
    threading.Event().wait(0.2)  # as long as a mistake would need to show
    assert len(taken) == 5
    assert len(list(answers)) == 99


def test_files_that_were_sent_are_held_back_by_their_size() -> None:
    taken = []

    def requests() -> Iterator[int]:
        for number in range(10):
            taken.append(number)
            yield number

    answers = stream_of(lambda number: number, size=lambda _: 60, songs=50).answers(requests())
    next(answers)
    until(lambda: len(taken) == 2)
    threading.Event().wait(0.2)  # as long as a mistake would need to show
    assert len(taken) == 2
    assert len(list(answers)) == 9


def test_songs_are_heard_side_by_side_and_a_slow_one_holds_up_no_other() -> None:
    gate = threading.Event()

    def hear(number: int) -> int:
        if number == 0:
            gate.wait(30)
        return number

    answers = stream_of(hear, at_once=2).answers(iter(range(4)))
    assert sorted([next(answers), next(answers), next(answers)]) == [1, 2, 3]
    gate.set()
    assert list(answers) == [0]


def test_no_more_are_heard_at_the_same_time_than_the_limit_says() -> None:
    lock, busy, most = threading.Lock(), [0], [0]
    both = threading.Barrier(2, timeout=30)

    def hear(number: int) -> int:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        both.wait()
        with lock:
            busy[0] -= 1
        return number

    assert len(list(stream_of(hear, songs=16, at_once=2).answers(iter(range(16))))) == 16
    assert most == [2]


def test_a_stream_with_nothing_in_the_works_ends_after_a_while_and_one_at_work_does_not() -> None:
    gate, at_work = threading.Event(), threading.Event()

    def requests() -> Iterator[int]:
        yield 1
        gate.wait(30)

    def hear(number: int) -> int:
        at_work.wait(0.5)  # longer than it may be idle
        return number

    answers = stream_of(hear, idle_seconds=0.1).answers(requests())
    assert next(answers) == 1
    with pytest.raises(CallIdleError, match=r"for 0\.1 seconds"):
        next(answers)
    gate.set()


def test_a_stream_that_is_cancelled_ends_and_begins_nothing_more() -> None:
    begun, gate = [], threading.Event()

    def hear(number: int) -> int:
        begun.append(number)
        gate.wait(30)
        return number

    stream = stream_of(hear, songs=8, at_once=1)
    answers = stream.answers(iter(range(8)))
    threading.Thread(target=lambda: (until(lambda: begun), stream.cancel())).start()
    assert list(answers) == []
    gate.set()
    assert begun == [0]


def test_work_ends_when_its_caller_goes_away() -> None:
    caller, work, done = Caller(lambda: None), Future[None](), Future[None]()
    with caller.waiting_for(done):
        done.set_result(None)
    with caller.waiting_for(work):
        caller.leave()
        assert work.cancelled()
    assert not done.cancelled()


def test_work_for_a_caller_who_has_gone_is_given_up_at_once() -> None:
    caller, work = Caller(lambda: None), Future[None]()
    caller.leave()
    with caller.waiting_for(work):
        assert work.cancelled()
