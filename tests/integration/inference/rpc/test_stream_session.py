"""ClassifyTracks: many songs in one stream, over real gRPC, classified by the real Triton."""

import queue
import threading
from collections.abc import Iterable, Iterator

import grpc
import pytest
from inference_system import System, fma, running_system
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2 as messages
from runtime.errors import RemoteError, ServiceError
from synthetic_library import SyntheticLibrary
from waiting import until
from wire import packed


class NotAudio(ServiceError):  # noqa: N818  the reason's name
    domain = "reclass.features"
    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "NOT_AUDIO"


class Conversation:
    """A stream that a test writes to piece by piece."""

    def __init__(self, system: System) -> None:
        self._sent: queue.SimpleQueue[messages.ClassifyTracksRequest | None] = queue.SimpleQueue()
        self.call = system.stub.ClassifyTracks(iter(self._sent.get, None), timeout=60)

    def send(self, *requests: messages.ClassifyTracksRequest) -> None:
        for request in requests:
            self._sent.put(request)

    def end(self) -> list[messages.ClassifyTracksResponse]:
        """Say that nothing more comes; the answers that are still to come."""
        self._sent.put(None)
        return list(self.call)

    def cancel(self) -> None:
        self.call.cancel()
        self._sent.put(None)


def by_vectors(key: object, *vectors: features_pb2.Vector) -> messages.ClassifyTracksRequest:
    return messages.ClassifyTracksRequest(key=str(key), track=messages.ClassifyTrackRequest(vectors=vectors))


def by_path(path: str) -> messages.ClassifyTracksRequest:
    audio = features_pb2.AudioReference(path=path)
    return messages.ClassifyTracksRequest(key=path, track=messages.ClassifyTrackRequest(audio=audio))


def ask(
    system: System, requests: Iterable[messages.ClassifyTracksRequest]
) -> dict[str, messages.ClassifyTracksResponse]:
    """The answers by key, each of which came once."""
    answers = list(system.stub.ClassifyTracks(iter(requests), timeout=60))
    assert len({answer.key for answer in answers}) == len(answers)
    return {answer.key: answer for answer in answers}


def hold(system: System, library: SyntheticLibrary, *paths: str) -> None:
    """Have features wait with its answers for these paths."""
    for path in paths:
        system.features.audio[path] = {1: library.vectors[0]}
        system.features.held[path] = threading.Event()


def release(system: System) -> None:
    for gate in system.features.held.values():
        gate.set()


@pytest.fixture
def system(trained: System) -> Iterator[System]:
    trained.features.requests.clear()
    trained.features.given_up.clear()
    yield trained
    release(trained)
    trained.features.held.clear()


@pytest.fixture
def narrow(trained: System) -> Iterator[System]:
    """The same models behind narrow limits."""
    with running_system(
        trained.triton, max_streams=1, max_stream_songs=4, max_stream_extractions=2, max_content_bytes=2**20
    ) as running:
        yield running
        release(running)


def test_a_stream_says_of_each_song_what_a_single_call_says(
    system: System, library: SyntheticLibrary
) -> None:
    answers = ask(system, (by_vectors(song, fma(library, song)) for song in range(60)))
    assert set(answers) == {str(song) for song in range(60)}
    for song in range(60):
        alone = system.classify(fma(library, song))
        told = answers[str(song)].classification
        assert (told.genre, told.model_version, told.outcome) == (
            alone.genre, alone.model_version, alone.outcome,
        )  # fmt: skip
        # float32 sums in another order.
        assert told.confidence == pytest.approx(alone.confidence, abs=1e-5)


def test_more_songs_than_fit_into_the_works_are_all_answered(
    narrow: System, library: SyntheticLibrary
) -> None:
    answers = ask(narrow, (by_vectors(song, fma(library, song % 60)) for song in range(700)))
    assert len(answers) == 700
    assert all(answer.HasField("classification") for answer in answers.values())


def test_a_song_is_answered_before_the_next_one_is_sent(system: System, library: SyntheticLibrary) -> None:
    talk = Conversation(system)
    for song in range(3):
        talk.send(by_vectors(song, fma(library, song)))
        assert next(talk.call).key == str(song)
    assert talk.end() == []


def test_a_song_that_fails_gets_the_error_of_a_single_call_and_the_stream_goes_on(
    system: System, library: SyntheticLibrary
) -> None:
    system.features.refusals["/music/words.mp3"] = NotAudio("words.mp3 is text, no audio")
    short = features_pb2.Vector(kind=1, version="test/1", values=packed([0.5] * 517))
    other = features_pb2.Vector(kind=1, version="another", values=packed([0.5] * 518))
    options = messages.ClassifyOptions(top_k=-1)
    bad = [
        by_path("/music/words.mp3"),
        by_vectors("short", short),
        by_vectors("other make", other),
        by_vectors("nothing"),
        messages.ClassifyTracksRequest(key="options", track=messages.ClassifyTrackRequest(options=options)),
    ]
    good = [by_vectors(song, fma(library, song)) for song in range(5)]
    answers = ask(system, [request for pair in zip(bad, good, strict=True) for request in pair])
    for request in bad:
        with pytest.raises(grpc.RpcError) as caught:
            system.stub.ClassifyTrack(request.track)
        alone = RemoteError.from_rpc(caught.value)
        told = answers[request.key].error
        assert (told.code, told.reason, told.domain, told.message, told.permanent) == (
            alone.code.value[0], alone.reason, alone.domain, alone.message, alone.permanent,
        )  # fmt: skip
    assert all(answers[request.key].classification.genre for request in good)


def test_songs_whose_vectors_are_sent_do_not_wait_for_one_that_is_listened_to(
    system: System, library: SyntheticLibrary
) -> None:
    hold(system, library, "/music/slow.flac")
    talk = Conversation(system)
    talk.send(by_path("/music/slow.flac"))
    until(lambda: system.features.requests)
    for song in range(3):
        talk.send(by_vectors(song, fma(library, song)))
        assert next(talk.call).key == str(song)
    release(system)
    (last,) = talk.end()
    assert last.key == "/music/slow.flac"
    assert last.classification.content_key == "content /music/slow.flac"
    assert len(last.classification.vectors) == 1


def test_songs_share_calls_of_triton(system: System, library: SyntheticLibrary) -> None:
    before = executions(system)
    ask(system, [by_vectors(song, fma(library, song % 60)) for song in range(1000)])
    assert executions(system) - before < 500


def executions(system: System) -> int:
    """How often Triton has been asked for the first stage."""
    import tritonclient.grpc as client

    model, version = system.version().split("/")
    with client.InferenceServerClient(system.triton.target) as triton:
        answer = triton.get_inference_statistics(model, version)
    return int(answer.model_stats[0].inference_stats.success.count)


def test_no_more_songs_are_in_the_works_than_the_limits_say(
    narrow: System, library: SyntheticLibrary
) -> None:
    paths = [f"/music/{number}.flac" for number in range(20)]
    hold(narrow, library, *paths)
    talk = Conversation(narrow)
    talk.send(*map(by_path, paths))
    until(lambda: len(narrow.features.requests) == 2)
    narrow.features.held[narrow.features.requests[0].audio.path].set()
    next(talk.call)
    until(lambda: len(narrow.features.requests) == 3)
    release(narrow)
    assert len(talk.end()) == 19
    assert len(narrow.features.requests) == 20


def test_a_caller_that_goes_away_leaves_no_thread_no_call_and_no_place_behind(
    narrow: System, library: SyntheticLibrary
) -> None:
    paths = [f"/music/{number}.flac" for number in range(20)]
    hold(narrow, library, *paths)
    talk = Conversation(narrow)
    talk.send(*map(by_path, paths))
    until(lambda: len(narrow.features.requests) == 2)
    talk.cancel()
    until(lambda: not {"reading", "working_0", "working_1"} & thread_names())
    # A song that was begun in that moment is given up as the others are.
    until(lambda: len(narrow.features.given_up) == len(narrow.features.requests))
    assert len(narrow.features.requests) <= 4
    answered = until(lambda: answered_when_free(narrow, library))
    assert answered["again"].classification.genre


def thread_names() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def answered_when_free(
    system: System, library: SyntheticLibrary
) -> dict[str, messages.ClassifyTracksResponse] | None:
    try:
        return ask(system, [by_vectors("again", fma(library, 0))])
    except grpc.RpcError as error:
        if RemoteError.from_rpc(error).reason != "TOO_MANY_CALLS":
            raise
        return None


def test_one_stream_too_many_is_refused_with_advice(narrow: System, library: SyntheticLibrary) -> None:
    talk = Conversation(narrow)
    talk.send(by_vectors(0, fma(library, 0)))
    next(talk.call)
    with pytest.raises(grpc.RpcError) as caught:
        ask(narrow, [by_vectors(1, fma(library, 1))])
    error = RemoteError.from_rpc(caught.value)
    assert (error.code, error.reason, error.permanent) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS", False,
    )  # fmt: skip
    assert "try again when one has ended" in error.message
    talk.end()


def test_a_file_that_is_too_large_is_refused_and_the_stream_goes_on(
    narrow: System, library: SyntheticLibrary
) -> None:
    large = features_pb2.AudioReference(content=bytes(2**20 + 1))
    request = messages.ClassifyTracksRequest(key="large", track=messages.ClassifyTrackRequest(audio=large))
    answers = ask(narrow, [request, by_vectors("small", fma(library, 0))])
    assert answers["large"].error.reason == "CONTENT_TOO_LARGE"
    assert "at most 1.0 MiB" in answers["large"].error.message
    assert answers["small"].classification.genre


def test_files_that_are_sent_wait_until_there_is_room_for_their_bytes(
    narrow: System, library: SyntheticLibrary
) -> None:
    size = 700_000
    narrow.features.audio[f"{size} bytes"] = {1: library.vectors[0]}
    audio = features_pb2.AudioReference(content=bytes(size))
    track = messages.ClassifyTrackRequest(audio=audio)
    requests = (messages.ClassifyTracksRequest(key=str(number), track=track) for number in range(6))
    answers = ask(narrow, requests)
    assert all(answer.classification.genre for answer in answers.values())
    assert len(answers) == 6


def test_without_triton_each_song_is_told_so_and_later_songs_are_classified_again(
    system: System, library: SyntheticLibrary
) -> None:
    talk = Conversation(system)
    talk.send(by_vectors("before", fma(library, 0)))
    assert next(talk.call).classification.genre
    system.triton.kill()
    talk.send(by_vectors("without", fma(library, 0)))
    assert next(talk.call).error.reason == "TRITON_UNAVAILABLE"
    system.triton.start()
    talk.send(by_vectors("after", fma(library, 0)))
    assert [answer.classification.genre != "" for answer in talk.end()] == [True]


def test_a_killed_model_process_costs_no_song_of_a_stream(system: System, library: SyntheticLibrary) -> None:
    system.triton.kill_stubs()
    answers = ask(system, (by_vectors(song, fma(library, song)) for song in range(60)))
    assert all(answer.classification.genre for answer in answers.values())
    assert len(answers) == 60
