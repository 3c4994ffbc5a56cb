"""The client package in an environment of its own, against the running system: with the token, and without."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running_demo import BIN, ROOT, RunningDemo, token_of_program
from waiting import until

pytestmark = pytest.mark.timeout(600)
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment outside the repository, with the client as docs/client.md installs it."""
    home = tmp_path_factory.mktemp("third-party")
    subprocess.run([BIN / "uv", "venv", "-q", "--python", sys.executable, home / "venv"], check=True)
    python = home / "venv" / "bin" / "python"
    install = [BIN / "uv", "pip", "install", "-q", "--python", python, "-c", ROOT / "constraints.txt"]
    subprocess.run([*install, "./protos", "./clients/python"], check=True, cwd=ROOT)
    return python


def run(
    python: Path, demo: RunningDemo, example: str, *arguments: str, token: str | None = None
) -> subprocess.CompletedProcess[str]:
    """An example, started elsewhere, with the system's token unless another one is given."""
    environment = {
        "PATH": os.defpath,
        "RECLASS_TARGET": f"127.0.0.1:{demo.ports.inference}",
        "RECLASS_TOKEN": token_of_program(demo) if token is None else token,
    }
    return subprocess.run(
        [python, EXAMPLES / example, *arguments],
        env=environment,
        cwd=python.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def songs(demo: RunningDemo) -> list[Path]:
    """Files of the demo library."""
    return sorted((demo.folder.root / "demo" / "music").rglob("*.flac"))


def test_the_environment_has_nothing_of_the_services(python: Path) -> None:
    code = "import importlib.metadata as m; print(*sorted(d.name for d in m.distributions()))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(found.split()) == {
        "grpcio",
        "protobuf",
        "reclass-client",
        "reclass-protos",
        "typing_extensions",
    }


def test_a_file_is_sent_and_classified_and_its_vectors_say_the_same(python: Path, demo: RunningDemo) -> None:
    done = run(python, demo, "sync_client.py", str(songs(demo)[0]))
    assert done.returncode == 0, done.stderr
    said, _, outcome = done.stdout.splitlines()[0].rpartition("  ")
    assert outcome in ("(classified)", "(out of distribution)")
    assert done.stdout.splitlines()[1].count("%") == 5  # the top five
    assert done.stdout.splitlines()[-1] == f"again, from vectors: {said}"


def test_paths_are_asked_side_by_side_and_one_that_is_not_there_is_named(
    python: Path, demo: RunningDemo
) -> None:
    music = demo.folder.root / "demo" / "music"
    paths = [f"/music/{file.relative_to(music)}" for file in songs(demo)[:3]]
    done = run(python, demo, "async_client.py", *paths, "/music/nobody/nothing.mp3")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.endswith("%") or "at a guess" in line for line in lines] == [True, True, True]
    assert done.stderr.startswith("/music/nobody/nothing.mp3: AUDIO_NOT_FOUND: ")


def test_a_folder_is_classified_in_one_stream(python: Path, demo: RunningDemo, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for number, file in enumerate(songs(demo)[:4]):
        (folder / f"{number}.flac").symlink_to(file)
    (folder / "words.mp3").write_text("no music, only words\n" * 200)
    done = run(python, demo, "stream_client.py", str(folder))
    assert done.returncode == 1
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert set(told) == {"0.flac", "1.flac", "2.flac", "3.flac"}
    assert all(said.endswith("%") or "at a guess" in said for said in told.values())
    assert done.stderr.startswith("words.mp3: NOT_AUDIO: ")


@pytest.mark.parametrize(
    ("token", "reason", "says"),
    [
        ("", "TOKEN_REQUIRED", "authorization: Bearer"),
        ("a wrong one", "TOKEN_INVALID", "does not know the token"),
    ],
)
def test_without_the_token_the_client_is_refused(
    python: Path, demo: RunningDemo, token: str, reason: str, says: str
) -> None:
    done = run(python, demo, "sync_client.py", str(songs(demo)[0]), token=token)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"{reason}: ")
    assert says in done.stderr


def test_a_revoked_token_is_refused_within_ten_seconds(python: Path, demo: RunningDemo) -> None:
    made = demo.reclass("tokens", "make", "soon gone")
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    assert run(python, demo, "sync_client.py", str(songs(demo)[0]), token=token).returncode == 0
    revoked = demo.reclass("tokens", "revoke", "soon gone")
    assert (revoked.returncode, revoked.stderr) == (0, "")
    started = time.monotonic()
    until(lambda: run(python, demo, "sync_client.py", str(songs(demo)[0]), token=token).returncode == 1, 10)
    assert time.monotonic() - started < 10
