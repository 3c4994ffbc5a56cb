"""Whatever goes wrong, the client package says so by a documented type: every code of gRPC, and every bad argument."""

import asyncio
import math
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import grpc
import pytest
import reclass_client as rc
from reclass_client.errors import ADVICE, BY_CODE, BY_REASON
from refusing_inference import Refusing
from waiting import until

pytestmark = pytest.mark.misuse
ROOT = Path(__file__).parents[3]
CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]


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
