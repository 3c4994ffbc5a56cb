"""How much of a stream is in the works, what is worked on side by side, and what ends when its caller goes away."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

import grpc
import pytest
from runtime.errors import ServiceError
from runtime.open_calls import CallIdleError
from runtime.streams import (
    AdmissionLimit,
    BackpressureWindow,
    Caller,
    SongStream,
    StreamLimits,
    Submit,
    each_in_a_thread,
)
from waiting import until


class FullError(ServiceError):
    """No place is left."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "FULL"


def limits(
    songs: int = 4, content_bytes: int = 100, workers: int = 2, idle_seconds: float = 60
) -> StreamLimits:
    return StreamLimits(songs=songs, content_bytes=content_bytes, workers=workers, idle_seconds=idle_seconds)


def stream_of(
    work: Callable[[int], int], size: Callable[[int], int] = lambda _: 0, **changes: float
) -> SongStream[int, int]:
    """A stream of songs that all take long."""
    return SongStream(begin=each_in_a_thread(work), size=size, limits=limits(**changes))


def at_once(requests: Sequence[int], submit: Submit[int, int]) -> Iterator[tuple[int, int]]:
    """Answers that need no work."""
    return ((request, -request) for request in requests)


def test_every_request_is_answered_once() -> None:
    stream = stream_of(lambda number: -number)
    assert sorted(stream.answers(iter(range(50)))) == sorted(-number for number in range(50))


@pytest.mark.parametrize("begin", [at_once, each_in_a_thread(lambda number: -number)])
def test_nothing_more_is_read_until_answers_are_taken(
    begin: Callable[..., Iterator[tuple[int, int]]],
) -> None:
    taken = []

    def requests() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    answers = SongStream(begin=begin, size=lambda _: 0, limits=limits(songs=4)).answers(requests())
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


def test_a_stream_with_nothing_in_the_works_ends_after_a_while_and_one_at_work_does_not() -> None:
    gate, at_work = threading.Event(), threading.Event()

    def requests() -> Iterator[int]:
        yield 1
        gate.wait(30)

    def work(number: int) -> int:
        at_work.wait(0.5)  # longer than it may be idle
        return number

    answers = stream_of(work, idle_seconds=0.1).answers(requests())
    assert next(answers) == 1
    with pytest.raises(CallIdleError, match=r"for 0\.1 seconds"):
        next(answers)
    gate.set()


def test_songs_that_have_arrived_meanwhile_are_begun_together() -> None:
    begun: list[int] = []
    arrived = threading.Event()

    def requests() -> Iterator[int]:
        yield from range(10)
        arrived.set()

    def begin(songs: Sequence[int], submit: Submit[int, int]) -> Iterator[tuple[int, int]]:
        arrived.wait(10)  # the first one takes until the others are there
        begun.append(len(songs))
        return at_once(songs, submit)

    stream = SongStream(begin=begin, size=lambda _: 0, limits=limits(songs=50))
    assert len(list(stream.answers(requests()))) == 10
    assert begun[-1] >= 5
    assert sum(begun) == 10


def test_songs_are_worked_on_side_by_side_and_a_slow_one_holds_up_no_other() -> None:
    gate = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            gate.wait(30)
        return number

    answers = stream_of(work, workers=2).answers(iter(range(4)))
    assert sorted([next(answers), next(answers), next(answers)]) == [1, 2, 3]
    gate.set()
    assert list(answers) == [0]


def test_no_more_are_worked_on_at_the_same_time_than_the_limit_says() -> None:
    lock, busy, most = threading.Lock(), [0], [0]
    both = threading.Barrier(2, timeout=30)

    def work(number: int) -> int:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        both.wait()
        with lock:
            busy[0] -= 1
        return number

    assert len(list(stream_of(work, songs=16, workers=2).answers(iter(range(16))))) == 16
    assert most == [2]


def test_a_stream_that_is_cancelled_ends_and_begins_nothing_more() -> None:
    begun, gate = [], threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        gate.wait(30)
        return number

    stream = stream_of(work, songs=8, workers=1)
    answers = stream.answers(iter(range(8)))
    threading.Thread(target=lambda: (until(lambda: begun), stream.cancel())).start()
    assert list(answers) == []
    gate.set()
    assert begun == [0]
    until(lambda: not threads_of_streams())


def test_an_error_that_nobody_expected_ends_the_stream_and_its_threads() -> None:
    def work(number: int) -> int:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        list(stream_of(work).answers(iter(range(3))))
    until(lambda: not threads_of_streams())


def threads_of_streams() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith(("working", "reading"))]


def test_one_call_too_many_is_refused_and_a_place_is_free_again_after_a_failure() -> None:
    limit = AdmissionLimit(1, lambda: FullError("one is in the works"))
    with limit.admit(), pytest.raises(FullError, match="one is in the works"), limit.admit():
        pass
    with pytest.raises(ZeroDivisionError), limit.admit():
        raise ZeroDivisionError
    with limit.admit():
        pass


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


@pytest.mark.parametrize(("left", "for_work"), [(None, None), (60.0, 59.5), (1.0, 0.9), (-1.0, 0.0)])
def test_the_answer_has_time_to_reach_the_caller(left: float | None, for_work: float | None) -> None:
    assert Caller(lambda: left).seconds_for_work() == for_work


def enters(window: BackpressureWindow, size: int) -> threading.Thread:
    thread = threading.Thread(target=window.enter, args=(size,))
    thread.start()
    return thread


def test_a_song_waits_until_another_one_has_left() -> None:
    window = BackpressureWindow(songs=2, content_bytes=100)
    assert window.enter(0)
    assert window.enter(0)
    waiting = enters(window, 0)
    waiting.join(0.1)
    assert waiting.is_alive()
    window.leave(0)
    waiting.join(10)
    assert not waiting.is_alive()


def test_a_file_waits_until_there_is_room_for_its_bytes_and_one_alone_may_be_larger() -> None:
    window = BackpressureWindow(songs=4, content_bytes=100)
    assert window.enter(1000)
    waiting = enters(window, 1)
    waiting.join(0.1)
    assert waiting.is_alive()
    window.leave(1000)
    waiting.join(10)
    assert not waiting.is_alive()
    assert window.enter(99)


def test_a_window_that_is_closed_lets_nobody_wait() -> None:
    window = BackpressureWindow(songs=1, content_bytes=100)
    assert window.enter(0)
    waiting = enters(window, 0)
    window.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert not window.enter(0)


def test_songs_may_leave_together() -> None:
    window = BackpressureWindow(songs=2, content_bytes=100)
    assert window.enter(30)
    assert window.enter(70)
    window.leave(100, songs=2)
    assert window.is_empty()
    assert window.enter(100), "their bytes have left too"
