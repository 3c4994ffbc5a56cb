"""Every example, started as somebody starts it who does not know it yet: it says a sentence, and never a traceback."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from inference.rpc.rights import MAY_CALL
from inference_system import NAME
from reclass.inference.v1 import inference_pb2_grpc
from runtime.rights import Rights, Role
from runtime.testing import running_server

pytestmark = pytest.mark.misuse
ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").rglob("*")
    if path.suffix in (".py", ".js") and "node_modules" not in path.parts
)
NAMES = [str(path.relative_to(ROOT / "examples")) for path in EXAMPLES]
A_FILE, A_FOLDER = "{song}", "{folder}"
ASKS: dict[str, list[list[str]]] = {
    "async_client.py": [[A_FILE]],
    "classify_file/classify.py": [["--path", A_FILE], ["--bytes", A_FILE]],
    "node/classify.js": [["--path", A_FILE], ["--bytes", A_FILE]],
    "stream_client.py": [[A_FOLDER]],
    "sync_client.py": [[A_FILE]],
}
"""How each is asked about a song, or a folder of songs."""
MISTAKES: dict[str, list[list[str]]] = {
    "async_client.py": [[], ["--nonsense"], ["\udcff"]],
    "classify_file/classify.py": [
        [],
        ["song.mp3"],
        ["--path"],
        ["--bytes", "{folder}/none.mp3"],
        ["--bytes", A_FOLDER],
        ["--path", "\udcff"],
        ["--path", A_FILE, "--token", "two\nlines"],
    ],
    "node/classify.js": [
        [],
        ["song.mp3"],
        ["--path"],
        ["--bytes", "{folder}/none.mp3"],
        ["--bytes", A_FOLDER],
    ],
    "stream_client.py": [[], ["--nonsense"], ["{folder}/none"], [A_FILE], ["{folder}/empty"]],
    "sync_client.py": [[], ["--nonsense"], ["{folder}/none.mp3"], [A_FOLDER], ["\udcff"]],
}
"""What cannot be meant."""
SURROUNDINGS = {
    "a token that nobody has": ({"RECLASS_TOKEN": "of-nobody"}, "token"),
    "no token": ({"RECLASS_TOKEN": ""}, "token"),
    "a token with a line break": ({"RECLASS_TOKEN": "two\nlines"}, "token"),
    "nobody who listens": ({"RECLASS_TARGET": "127.0.0.1:{unused}"}, ""),
    "half an address": ({"RECLASS_TARGET": "127.0.0.1"}, "host:port"),
    "no address": ({"RECLASS_TARGET": " "}, "host:port"),
    "an address for browsers": ({"RECLASS_TARGET": "http://127.0.0.1:50053"}, "host:port"),
}


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """A service that asks for tokens."""
    servicer = inference_pb2_grpc.InferenceServiceServicer()
    register = partial(inference_pb2_grpc.add_InferenceServiceServicer_to_server, servicer)
    with running_server(
        {NAME: register}, rights=Rights({NAME: MAY_CALL}, {Role.PORTAL: "of-the-portal"})
    ) as server:
        yield f"127.0.0.1:{server.port}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a song, a link to nothing, and a folder of no songs."""
    (tmp_path / "song.mp3").write_bytes(bytes(1000))
    (tmp_path / "gone.mp3").symlink_to(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    return tmp_path


def started(
    name: str, words: list[str], folder: Path, environment: dict[str, str], request: pytest.FixtureRequest
) -> "subprocess.CompletedProcess[str]":
    given = [word.format(song=folder / "song.mp3", folder=folder) for word in words]
    if name.endswith(".js"):
        command = ["node", str(request.getfixturevalue("node") / "classify.js"), *given]
        environment = {"RECLASS_PROTOS": str(ROOT / "protos"), **environment}
    else:
        command = [sys.executable, str(ROOT / "examples" / name), *given]
    return subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "RECLASS_TOKEN": "of-nobody", **environment},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=60,
    )


def says_a_sentence(done: "subprocess.CompletedProcess[str]", *codes: int) -> None:
    said = done.stderr
    assert done.returncode in codes, said or done.stdout
    assert said.strip()
    for traces in ("Traceback", "\n    at ", "node:internal", "Exception ignored"):
        assert traces not in said
    assert len(said.splitlines()) < 6
    assert len(re.findall(r"\w+", said)) > 2


def test_every_example_is_tried() -> None:
    assert sorted(ASKS) == sorted(MISTAKES) == NAMES


@pytest.mark.parametrize(("name", "words"), [(name, words) for name in MISTAKES for words in MISTAKES[name]])
def test_what_cannot_be_meant_is_answered_with_how_it_is_used(
    name: str, words: list[str], folder: Path, target: str, request: pytest.FixtureRequest
) -> None:
    says_a_sentence(started(name, words, folder, {"RECLASS_TARGET": target}, request), 1, 2)


@pytest.mark.parametrize("around", SURROUNDINGS)
@pytest.mark.parametrize(("name", "words"), [(name, words) for name in ASKS for words in ASKS[name]])
def test_a_wrong_token_or_address_is_told_in_a_sentence(
    name: str,
    words: list[str],
    around: str,
    folder: Path,
    target: str,
    unused_port: int,
    request: pytest.FixtureRequest,
) -> None:
    changed, says = SURROUNDINGS[around]
    environment = {"RECLASS_TARGET": target} | {
        key: value.format(unused=unused_port) for key, value in changed.items()
    }
    done = started(name, words, folder, environment, request)
    says_a_sentence(done, 1, 2)
    assert says in done.stderr.lower()


@pytest.mark.parametrize("name", NAMES)
def test_an_example_tells_how_it_is_used(name: str, folder: Path, request: pytest.FixtureRequest) -> None:
    done = started(name, ["--help"], folder, {}, request)
    assert done.returncode == 0
    assert "usage" in done.stdout.lower()
