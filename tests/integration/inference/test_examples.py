"""Every example, in Python and in Node, against the real service: a genre, a guess that is called one, an error."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from inference_system import System
from reclass.inference.v1 import inference_pb2 as messages
from runtime.errors import ServiceError
from synthetic_library import SyntheticLibrary

EXAMPLES = Path(__file__).parents[3] / "examples"
KNOWN, UNFAMILIAR, LOST = "/music/known.flac", "/music/unfamiliar.flac", "/music/lost.flac"
NOT_THERE = "there is no such file"
GUESS = "unlike the songs of the training; at a guess "
Example = Callable[[str], "subprocess.CompletedProcess[str]"]


class NotThere(ServiceError):  # noqa: N818  the reason's name
    domain = "reclass.features"
    code = grpc.StatusCode.NOT_FOUND
    reason = "AUDIO_NOT_FOUND"


@pytest.fixture
def system(trained: System, library: SyntheticLibrary, tmp_path: Path) -> Iterator[System]:
    """Knows a song such as those of the training, one unlike all of them, and one that is not there."""
    song, is_ood = library.vectors[3], library.vectors[3] + 1e4
    for name, values in ((KNOWN, song), (UNFAMILIAR, is_ood.astype(np.float32))):
        content = tmp_path / Path(name).name
        content.write_bytes(bytes(1000 if name == KNOWN else 2000))
        trained.features.audio[name] = trained.features.audio[f"{content.stat().st_size} bytes"] = {1: values}
    trained.features.refusals[LOST] = NotThere(NOT_THERE)
    assert trained.classify(path=UNFAMILIAR).outcome == messages.OUTCOME_OUT_OF_DISTRIBUTION
    yield trained
    del trained.features.refusals[LOST]


def command(example: str, song: str, files: Path, node: Path | None) -> list[str | Path]:
    """How the example is started for a song; two of them send the file."""
    if node:
        return ["node", node / "classify.js", "--path", song]
    if example == "stream_client.py":
        folder = files / f"folder of {Path(song).stem}"
        folder.mkdir(exist_ok=True)
        shutil.copy(files / Path(song).name, folder)
        return [sys.executable, EXAMPLES / example, folder]
    named: list[str | Path] = ["--path", song] if "classify_file" in example else [song]
    return [
        sys.executable,
        EXAMPLES / example,
        *([files / Path(song).name] if example == "sync_client.py" else named),
    ]


def run(
    system: System, words: "list[str | Path]", environment: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*words, *(["--target", system.target] if "classify.py" in str(words[1]) else [])],
        env=os.environ | {"RECLASS_TARGET": system.target} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


PYTHON = ("sync_client.py", "async_client.py", "stream_client.py", "classify_file/classify.py")


def test_no_example_is_left_out_here() -> None:
    found = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")}
    found |= {str(path.relative_to(EXAMPLES)) for path in (EXAMPLES / "node").glob("*.js")}
    assert found == {*PYTHON, "node/classify.js"}


@pytest.mark.parametrize("example", PYTHON)
def test_an_example_calls_a_guess_a_guess(system: System, tmp_path: Path, example: str) -> None:
    genre = system.classify(path=UNFAMILIAR).genre
    known = run(system, command(example, KNOWN, tmp_path, None), {})
    guess = run(system, command(example, UNFAMILIAR, tmp_path, None), {})
    assert (known.returncode, guess.returncode) == (0, 0), known.stderr + guess.stderr
    assert GUESS not in known.stdout
    assert "%" in known.stdout.splitlines()[0]
    assert f"{GUESS}{genre}" in guess.stdout.splitlines()[0]
    assert "%" not in guess.stdout.splitlines()[0]


def test_a_folder_of_all_that_people_have_is_gone_through_to_its_end(system: System, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    (folder / "an album.mp3").mkdir(parents=True)
    shutil.copy(tmp_path / Path(KNOWN).name, folder)
    shutil.copy(tmp_path / Path(KNOWN).name, os.fsencode(folder) + b"/not \xff text.flac")
    (folder / "gone.mp3").symlink_to(folder / "nothing")
    done = run(system, [sys.executable, EXAMPLES / "stream_client.py", folder], {})
    named = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert sorted(named) == ["known.flac", "not \\udcff text.flac"]
    assert (done.returncode, done.stderr) == (0, "")


def test_a_song_that_is_not_there_is_told_beside_the_others(system: System) -> None:
    done = run(system, [sys.executable, EXAMPLES / "async_client.py", LOST, KNOWN], {})
    assert done.stdout.startswith(KNOWN)
    assert done.stderr == f"{LOST}: AUDIO_NOT_FOUND: {NOT_THERE}\n"
    assert done.returncode == 1


def test_the_example_in_node_does_too_and_names_errors_and_asks_no_proxy(
    system: System, node: Path, tmp_path: Path
) -> None:
    environment = {
        "RECLASS_PROTOS": str(EXAMPLES.parent / "protos"),
        "http_proxy": "http://127.0.0.1:9",
        "grpc_proxy": "http://127.0.0.1:9",
        "no_proxy": "",
    }
    known, guess, lost = (
        run(system, command("", song, tmp_path, node), environment) for song in (KNOWN, UNFAMILIAR, LOST)
    )
    told = system.classify(path=KNOWN)
    assert known.returncode == 0, known.stderr
    assert known.stdout.splitlines()[0] == f"{told.genre}  {told.confidence:.0%}"
    assert known.stdout.splitlines()[1].startswith(f"  stage 1: {told.genre} ")
    assert guess.stdout.splitlines()[0] == f"{GUESS}{system.classify(path=UNFAMILIAR).genre}"
    assert lost.returncode == 1
    assert lost.stderr.strip() == f"NOT_FOUND: {NOT_THERE}"
    sent = run(system, ["node", node / "classify.js", "--bytes", tmp_path / "known.flac"], environment)
    assert sent.stdout == known.stdout
