"""Whatever goes wrong, the client package says so by a documented type: every code of gRPC, and every bad argument."""

import asyncio
import math
import os
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
import reclass_client as rc
from grpc_status import rpc_status
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2 as messages
from reclass.inference.v1 import inference_pb2_grpc
from reclass_client.errors import ADVICE, BY_CODE, BY_REASON
from runtime.errors import status_of
from runtime.testing import running_server
from waiting import until

ROOT = Path(__file__).parents[3]
NAME = "reclass.inference.v1.InferenceService"
CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]


class Refusing(inference_pb2_grpc.InferenceServiceServicer):
    """Fails with the code that the path or the key names; with a reason and a domain where `reason` has one."""

    def __init__(self) -> None:
        self.reason = ""

    def ClassifyTrack(self, request: messages.ClassifyTrackRequest, context: Any) -> Any:
        code = grpc.StatusCode[request.audio.path]
        if not self.reason:
            context.abort(code, "in gRPC's own words")
        status = status_of(
            code=code, message="what to do", reason=self.reason, domain="reclass.test", permanent=True
        )
        context.abort_with_status(rpc_status.to_status(status))

    def ClassifyTracks(self, requests: Any, context: Any) -> Iterator[messages.ClassifyTracksResponse]:
        for request in requests:
            number = int(request.key) if request.key.isdigit() else grpc.StatusCode[request.key].value[0]
            error = features_pb2.SongError(code=number, reason="SOME_REASON", message="what to do")
            yield messages.ClassifyTracksResponse(key=request.key, error=error)


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[Refusing, str]]:
    servicer = Refusing()
    register = partial(inference_pb2_grpc.add_InferenceServiceServicer_to_server, servicer)
    with running_server({NAME: register}) as server:
        yield servicer, f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("timeout", [math.inf, 1e300, 1e9, 10**400])
def test_a_time_without_end_is_none(refusing: tuple[Refusing, str], timeout: float) -> None:
    with rc.Client(refusing[1]) as client, pytest.raises(rc.ReclassError) as caught:
        client.classify(path="NOT_FOUND", timeout=timeout)
    assert caught.value.code == "NOT_FOUND"


def documented() -> set[str]:
    """The names in the table of docs/client.md."""
    return set(re.findall(r"`(\w+Error)`", (ROOT / "docs" / "client.md").read_text()))


def of_its_own(error: BaseException) -> bool:
    return type(error) is not rc.ReclassError and type(error).__name__ in documented()


@pytest.mark.parametrize("reason", ["", "SOME_REASON"])
@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_a_call_that_fails_with_any_code_raises_a_documented_error(
    refusing: tuple[Refusing, str], code: grpc.StatusCode, reason: str
) -> None:
    servicer, target = refusing
    servicer.reason = reason
    with rc.Client(target) as client, pytest.raises(rc.ReclassError) as caught:
        client.classify(path=code.name)
    assert of_its_own(caught.value)
    assert (caught.value.code, caught.value.reason) == (code.name, reason or code.name)
    assert (caught.value.domain, caught.value.permanent) == (
        ("reclass.test", True) if reason else ("", caught.value.permanent)
    )


@pytest.mark.parametrize("code", [*(code.name for code in CODES), "0", "77"])
def test_a_song_that_fails_with_any_code_has_a_documented_error(
    refusing: tuple[Refusing, str], code: str
) -> None:
    with rc.Client(refusing[1]) as client:
        (answer,) = client.classify_many([rc.Song(key=code, path="/a")])
    assert answer.error is not None
    assert of_its_own(answer.error)
    with pytest.raises(type(answer.error), match="what to do"):
        answer.result()


def failure(target: str, timeout: float) -> rc.ReclassError:
    with rc.Client(target) as client, pytest.raises(rc.ReclassError) as caught:
        client.classify(path="/a", timeout=timeout)
    return caught.value


def failure_with_asyncio(target: str, timeout: float) -> rc.ReclassError:
    async def asked() -> None:
        async with rc.AsyncClient(target) as client:
            await client.classify(path="/a", timeout=timeout)

    with pytest.raises(rc.ReclassError) as caught:
        asyncio.run(asked())
    return caught.value


@pytest.mark.parametrize("fails", [failure, failure_with_asyncio])
def test_where_nobody_listens_the_error_says_what_to_look_at(
    fails: Callable[[str, float], rc.ReclassError], unused_port: int
) -> None:
    error = fails(f"127.0.0.1:{unused_port}", 60)
    assert (type(error), error.code, error.permanent) == (rc.UnavailableError, "UNAVAILABLE", False)
    assert "cannot be reached" in str(error)
    assert "host:port" in str(error)
    assert "refused" in str(error), "gRPC's own words stand there too"


@pytest.mark.parametrize("fails", [failure, failure_with_asyncio])
def test_where_somebody_listens_and_never_answers_too(
    fails: Callable[[str, float], rc.ReclassError],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = fails(f"127.0.0.1:{silent.getsockname()[1]}", 1)
    assert (type(error), error.code, error.permanent) == (rc.TimedOutError, "DEADLINE_EXCEEDED", False)
    assert "no answer came in time" in str(error)
    assert "wait longer" in str(error)
    assert "Deadline Exceeded" in str(error), "gRPC's own words stand there too"


def test_what_the_service_says_itself_is_left_as_it_is(refusing: tuple[Refusing, str]) -> None:
    servicer, target = refusing
    servicer.reason = "SOME_REASON"
    for code in ADVICE:
        with rc.Client(target) as client, pytest.raises(rc.ReclassError) as caught:
            client.classify(path=code)
        assert str(caught.value) == "what to do"


def test_the_client_with_asyncio_raises_the_same(refusing: tuple[Refusing, str]) -> None:
    servicer, target = refusing
    servicer.reason = "SOME_REASON"

    async def kinds() -> dict[str, type]:
        async with rc.AsyncClient(target) as client:
            answers = await asyncio.gather(
                *(client.classify(path=code.name) for code in CODES), return_exceptions=True
            )
        return {code.name: type(answer) for code, answer in zip(CODES, answers, strict=True)}

    assert asyncio.run(kinds()) == {code: BY_CODE[code] for code in (each.name for each in CODES)}


def test_every_error_of_the_package_is_exported_and_documented() -> None:
    kinds: set[type] = set()
    waiting: list[type] = [rc.ReclassError]
    while waiting:
        children = waiting.pop().__subclasses__()
        kinds.update(children)
        waiting += children
    names = {kind.__name__ for kind in kinds}
    assert {*BY_CODE.values(), *BY_REASON.values()} <= kinds
    assert names <= set(rc.__all__)
    assert names <= documented()
    assert set(BY_CODE) == {code.name for code in CODES}


FMA = rc.Vector(kind="FMA", version="1", values=[0.5] * 518)
BAD_CALLS: dict[str, Callable[[rc.Client], object]] = {
    "nothing at all": lambda client: client.classify(),
    "two songs at once": lambda client: client.classify(path="/a", content=b"x"),
    "a path that is no text": lambda client: client.classify(path=Path("/a")),  # type: ignore[arg-type]
    "a path of bytes that are no UTF-8": lambda client: client.classify(path="/music/\udcff.mp3"),
    "a rating key that is a number": lambda client: client.classify(rating_key=17),  # type: ignore[arg-type]
    "content that is text": lambda client: client.classify(content="abc"),  # type: ignore[arg-type]
    "a file that is a number": lambda client: client.classify(file=3),  # type: ignore[arg-type]
    "a file with a NUL in its name": lambda client: client.classify(file="a\0b"),
    "one vector in place of a list": lambda client: client.classify(vectors=FMA),  # type: ignore[arg-type]
    "values in place of vectors": lambda client: client.classify(vectors=[[0.5] * 518]),  # type: ignore[list-item]
    "an unknown kind": lambda client: client.classify(
        vectors=[rc.Vector(kind="FFT", version="1", values=[])]
    ),
    "values that are text": lambda client: client.classify(
        vectors=[rc.Vector(kind="FMA", version="1", values=["a"])]  # type: ignore[list-item]
    ),
    "values that are none": lambda client: client.classify(
        vectors=[rc.Vector(kind="FMA", version="1", values=None)]  # type: ignore[arg-type]
    ),
    "a version that is a number": lambda client: client.classify(
        vectors=[rc.Vector(kind="FMA", version=1, values=[0.5])]  # type: ignore[arg-type]
    ),
    "an excerpt that is not there": lambda client: client.classify(
        path="/a", options=rc.Options(excerpt="last")
    ),
    "options that are a dictionary": lambda client: client.classify(path="/a", options={"top_k": 3}),  # type: ignore[arg-type]
    "more genres than an integer holds": lambda client: client.classify(
        path="/a", options=rc.Options(top_k=2**40)
    ),
    "half a genre": lambda client: client.classify(path="/a", options=rc.Options(top_k=1.5)),  # type: ignore[arg-type]
    "thresholds that are text": lambda client: client.classify(
        path="/a",
        options=rc.Options(stage_thresholds=["high"]),  # type: ignore[list-item]
    ),
    "one threshold in place of a list": lambda client: client.classify(
        path="/a",
        options=rc.Options(stage_thresholds=0.5),  # type: ignore[arg-type]
    ),
    "mappings that are a list": lambda client: client.classify(
        path="/a",
        options=rc.Options(path_mappings=["/a"]),  # type: ignore[arg-type]
    ),
    "no time": lambda client: client.classify(path="/a", timeout=0),
    "a time that is no number": lambda client: client.classify(path="/a", timeout=math.nan),
    "a time that is text": lambda client: client.status(timeout="soon"),  # type: ignore[arg-type]
    "a model that is a number": lambda client: client.get_model(7),  # type: ignore[arg-type]
    "a model to promote that is a number": lambda client: client.promote_model(7),  # type: ignore[arg-type]
    "a model to roll back that is a number": lambda client: client.rollback_model(7),  # type: ignore[arg-type]
    "a path in a stream": lambda client: list(client.classify_many(["/a"])),  # type: ignore[list-item]
    "a time of a stream": lambda client: list(client.classify_many([rc.Song(path="/a")], timeout=-1)),
    "options of a stream": lambda client: list(client.classify_many([], options=rc.Options(excerpt="last"))),
}


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_a_bad_argument_is_refused_by_one_documented_error_before_anything_is_sent(
    call: Callable[[rc.Client], object],
) -> None:
    with rc.Client("127.0.0.1:9") as client, pytest.raises(rc.BadArgumentError) as caught:
        call(client)
    assert isinstance(caught.value, rc.InvalidRequestError | ValueError)
    assert (caught.value.code, caught.value.permanent) == ("INVALID_ARGUMENT", True)


@pytest.mark.parametrize(
    "token",
    [
        "abc\n",
        "abc\r\nx-other: 1",
        "a\nb",
        " abc",
        "schl\N{LATIN SMALL LETTER U WITH DIAERESIS}ssel",
        "a\0b",
        7,
    ],
)
@pytest.mark.parametrize("kind", [rc.Client, rc.AsyncClient])
def test_a_token_that_no_header_can_hold_is_a_bad_argument(kind: Any, token: Any) -> None:
    async def made() -> None:
        kind("127.0.0.1:9", token=token)

    with pytest.raises(rc.BadArgumentError, match="token"):
        asyncio.run(made())


def test_so_is_one_in_the_environment_and_a_file_of_it_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECLASS_TOKEN", "a\nb")
    with pytest.raises(rc.BadArgumentError, match="line break"):
        rc.Client("127.0.0.1:9")
    monkeypatch.delenv("RECLASS_TOKEN")
    monkeypatch.setenv("RECLASS_TOKEN_FILE", str(tmp_path / "nothing"))
    with pytest.raises(rc.FileUnreadableError, match="cannot be read"):
        rc.Client("127.0.0.1:9")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("RECLASS_TOKEN_FILE", str(tmp_path / "binary"))
    with pytest.raises(rc.BadArgumentError, match="RECLASS_TOKEN_FILE"):
        rc.Client("127.0.0.1:9")


def test_a_token_file_without_an_end_is_a_bad_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECLASS_TOKEN", raising=False)
    monkeypatch.setenv("RECLASS_TOKEN_FILE", "/dev/zero")
    with pytest.raises(rc.BadArgumentError, match="token"):
        rc.Client("127.0.0.1:9")


@pytest.mark.parametrize("odd", [0, "x", b"x", object()])
@pytest.mark.parametrize("kind", [rc.Client, rc.AsyncClient])
def test_credentials_that_are_none_are_a_bad_argument(kind: Any, odd: Any) -> None:
    async def made() -> None:
        kind("127.0.0.1:9", credentials=odd)

    with pytest.raises(rc.BadArgumentError, match="credentials"):
        asyncio.run(made())


@pytest.mark.parametrize("odd", [None, 0, object(), rc.Song(path="/a")])
def test_songs_that_are_no_iterable_are_a_bad_argument(refusing: tuple[Refusing, str], odd: Any) -> None:
    async def asked() -> None:
        async with rc.AsyncClient(refusing[1]) as client:
            async for _ in client.classify_many(odd):
                """Nothing was sent."""

    with pytest.raises(rc.BadArgumentError, match="songs"):
        asyncio.run(asked())
    with rc.Client(refusing[1]) as client, pytest.raises(rc.BadArgumentError, match="songs"):
        list(client.classify_many(odd))


def test_an_excerpt_that_is_no_text_is_a_bad_argument(refusing: tuple[Refusing, str]) -> None:
    with rc.Client(refusing[1]) as client, pytest.raises(rc.BadArgumentError, match="excerpt"):
        client.classify(path="/a", options=rc.Options(excerpt=[]))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/dev/full", "pipe", "folder"])
def test_what_is_no_file_is_not_read(refusing: tuple[Refusing, str], tmp_path: Path, name: str) -> None:
    """One of these has no end, and another waits for somebody who writes to it."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with rc.Client(refusing[1]) as client:
        with pytest.raises(rc.FileUnreadableError, match="cannot be read"):
            client.classify(file=tmp_path / name)
        (answer,) = client.classify_many([rc.Song(key="1", file=tmp_path / name)])
    assert isinstance(answer.error, rc.FileUnreadableError)


def test_a_file_that_no_message_takes_is_not_read(refusing: tuple[Refusing, str], tmp_path: Path) -> None:
    with (tmp_path / "huge.wav").open("wb") as file:
        file.truncate(2**31)
    with rc.Client(refusing[1]) as client:
        with pytest.raises(rc.ContentTooLargeError, match="send its path"):
            client.classify(file=tmp_path / "huge.wav")
        (answer,) = client.classify_many([rc.Song(key="1", file=tmp_path / "huge.wav")])
    assert isinstance(answer.error, rc.ContentTooLargeError)


@pytest.mark.parametrize("target", ["", "127.0.0.1 50053", None, 50053])
def test_an_address_that_is_none_is_a_bad_argument(target: Any) -> None:
    with pytest.raises(rc.BadArgumentError, match="host:port"):
        rc.Client(target)


def test_a_client_that_was_closed_says_so(refusing: tuple[Refusing, str]) -> None:
    client = rc.Client(refusing[1])
    client.close()
    for call in (client.status, lambda: list(client.classify_many([]))):
        with pytest.raises(rc.BadArgumentError, match="was closed"):
            call()

    async def asked() -> None:
        closed = rc.AsyncClient(refusing[1])
        await closed.close()
        await closed.status()

    with pytest.raises(rc.BadArgumentError, match="was closed"):
        asyncio.run(asked())


def test_in_a_stream_a_bad_song_is_answered_and_the_others_go_on(refusing: tuple[Refusing, str]) -> None:
    bad = rc.Song(key="bad", vectors=[rc.Vector(kind="FFT", version="1", values=[])])
    songs = [bad, rc.Song(key="UNAVAILABLE", path="/a")]
    with rc.Client(refusing[1]) as client:
        found = {answer.key: answer.error for answer in client.classify_many(songs)}
    assert isinstance(found["bad"], rc.BadArgumentError)
    assert isinstance(found["UNAVAILABLE"], rc.UnavailableError)

    async def asked() -> dict[str, rc.ReclassError | None]:
        async with rc.AsyncClient(refusing[1]) as client:
            return {answer.key: answer.error async for answer in client.classify_many(songs)}

    assert {key: type(error) for key, error in asyncio.run(asked()).items()} == {
        key: type(error) for key, error in found.items()
    }


def test_a_song_that_cannot_be_sent_is_answered_before_the_next_one_is_there(
    refusing: tuple[Refusing, str], tmp_path: Path
) -> None:
    """The next song comes only when the answer has been seen: who waits for it waits for ever."""
    seen = []

    def songs() -> Iterator[rc.Song]:
        yield rc.Song(key="lost", file=tmp_path / "lost.mp3")
        until(lambda: seen)
        yield rc.Song(key="UNAVAILABLE", path="/a")

    with rc.Client(refusing[1]) as client:
        for answer in client.classify_many(songs(), timeout=20):
            seen.append(answer.key)
    assert seen == ["lost", "UNAVAILABLE"]


def test_with_asyncio_as_well(refusing: tuple[Refusing, str], tmp_path: Path) -> None:
    async def asked() -> list[str]:
        seen: list[str] = []
        answered = asyncio.Event()

        async def songs() -> AsyncIterator[rc.Song]:
            yield rc.Song(key="lost", file=tmp_path / "lost.mp3")
            await answered.wait()
            yield rc.Song(key="UNAVAILABLE", path="/a")

        async with rc.AsyncClient(refusing[1]) as client:
            async for answer in client.classify_many(songs(), timeout=20):
                seen.append(answer.key)
                answered.set()
        return seen

    assert asyncio.run(asked()) == ["lost", "UNAVAILABLE"]
