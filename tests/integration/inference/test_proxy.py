"""No part of the system, and no caller of it, asks a proxy of the environment for the way to our own services."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import reclass_client as rc
from inference_system import System
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
from runtime.channel import open_channel
from runtime.triton import Triton
from synthetic_library import SyntheticLibrary

ROOT = Path(__file__).parents[3]
EXAMPLES = ("sync_client.py", "async_client.py", "stream_client.py", "classify_file/classify.py")
PROXIES = ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
OPENED = re.compile(r"(?<!def )\b(?:insecure_channel|secure_channel|InferenceServerClient)\(")
SECONDS = 5.0


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment names a proxy that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        for name in PROXIES:
            monkeypatch.setenv(name, f"http://127.0.0.1:{silent.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield dict(os.environ)


def status_through_our_channel(system: System) -> bool:
    with open_channel(system.target, timeout_seconds=SECONDS) as channel:
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        return bool(stub.GetStatus(inference_pb2.GetStatusRequest()).stages)


def triton_is_live(system: System) -> bool:
    server = Triton(system.triton.target)
    try:
        return server.is_live()
    finally:
        server.close()


def status_for_a_caller(system: System) -> bool:
    with rc.Client(system.target) as client:
        return bool(client.status(timeout=SECONDS).stages)


def status_for_a_caller_with_asyncio(system: System) -> bool:
    async def asked() -> bool:
        async with rc.AsyncClient(system.target) as client:
            return bool((await client.status(timeout=SECONDS)).stages)

    return asyncio.run(asked())


@pytest.mark.parametrize(
    "ask",
    [
        status_through_our_channel,
        triton_is_live,
        status_for_a_caller,
        status_for_a_caller_with_asyncio,
    ],
    ids=lambda ask: ask.__name__,
)
def test_a_channel_asks_no_proxy(
    ask: Callable[[System], bool], trained: System, proxied: dict[str, str]
) -> None:
    assert ask(trained)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_asks_no_proxy(
    example: str, trained: System, library: SyntheticLibrary, proxied: dict[str, str], tmp_path: Path
) -> None:
    trained.features.audio["1000 bytes"] = trained.features.audio["/a.mp3"] = {1: library.vectors[3]}
    song = tmp_path / "song.mp3"
    song.write_bytes(bytes(1000))
    arguments = {
        "sync_client.py": [song],
        "async_client.py": ["/a.mp3"],
        "stream_client.py": [tmp_path],
        "classify_file/classify.py": ["--target", trained.target, "--path", "/a.mp3"],
    }[example]
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / example, *map(str, arguments)],
        env=proxied | {"RECLASS_TARGET": trained.target},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    assert "%" in done.stdout


def test_whatever_opens_a_channel_refuses_proxies() -> None:
    """So does what is written tomorrow: the option, or the constant that holds it, stands where a channel is opened."""
    places = [
        *(ROOT / "services").rglob("*.py"),
        *(ROOT / "clients").rglob("*.py"),
        *(ROOT / "examples").rglob("*.py"),
    ]
    openers = {path: path.read_text() for path in places if OPENED.search(path.read_text())}
    assert len(openers) >= 5
    careless = {
        str(path.relative_to(ROOT))
        for path, text in openers.items()
        if not re.search(r"grpc\.enable_http_proxy|NO_PROXY|CHANNEL_OPTIONS", text)
    }
    assert careless == set()


def test_no_check_of_health_in_a_manifest_asks_a_proxy() -> None:
    """`urlopen` takes the proxy of the environment; `ProxyHandler({})` does not."""
    for name in (
        "docker-compose.yml",
        "docker-compose.demo.yml",
        "docker-compose.inference.yml",
        "Dockerfile",
    ):
        careless = [line for line in (ROOT / name).read_text().splitlines() if ".urlopen(" in line]
        assert careless == [], name
