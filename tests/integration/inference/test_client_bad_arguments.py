"""A bad argument is told by one documented error before anything is sent."""

import asyncio
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import reclass_client as rc
from refusing_inference import Refusing

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
