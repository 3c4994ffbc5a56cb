"""The example caller, from an environment of its own that knows the contract alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from running_demo import BIN, ROOT, RunningDemo, token_of_program

pytestmark = pytest.mark.timeout(600)
EXAMPLE = ROOT / "examples" / "classify_file"


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment outside the repository."""
    home = tmp_path_factory.mktemp("caller")
    subprocess.run([BIN / "uv", "venv", "-q", "--python", sys.executable, home / "venv"], check=True)
    python = home / "venv" / "bin" / "python"
    install = [BIN / "uv", "pip", "install", "-q", "--python", python, "-c", ROOT / "constraints.txt"]
    subprocess.run([*install, "-r", "requirements.txt"], check=True, cwd=EXAMPLE)
    return python


def ask(caller: Path, demo: RunningDemo, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [caller, EXAMPLE / "classify.py", "--target", f"127.0.0.1:{demo.ports.inference}", *arguments],
        env={"PATH": os.defpath, "RECLASS_TOKEN": token_of_program(demo)},
        cwd=caller.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def a_song(demo: RunningDemo) -> tuple[str, Path, str]:
    """A song's path as Plex names it, its file, and the genre that the portal shows."""
    music = demo.folder.root / "demo" / "music"
    song = json.loads((music / "library.json").read_text())["songs"][0]
    named = f"/music/{song['path']}"
    (row,) = [row for row in demo.export() if row["file"] == named]
    return named, music / song["path"], row["ai_genre"]


def test_the_caller_has_nothing_of_the_services(caller: Path) -> None:
    found = subprocess.run([caller, "-c", "import runtime"], capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError" in found.stderr


def test_a_file_is_classified_by_path_and_by_bytes_alike(caller: Path, demo: RunningDemo) -> None:
    named, file, _ = a_song(demo)
    by_path = ask(caller, demo, "--path", named)
    by_bytes = ask(caller, demo, "--bytes", str(file))
    assert by_path.returncode == by_bytes.returncode == 0, by_path.stderr + by_bytes.stderr
    assert by_path.stdout == by_bytes.stdout
    assert by_path.stdout.splitlines()[1].count("%") == 5  # the top five


def test_a_path_outside_the_media_folders_is_refused_with_a_sentence(caller: Path, demo: RunningDemo) -> None:
    done = ask(caller, demo, "--path", "/etc/passwd")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.split(":")[0] in ("PERMISSION_DENIED", "FAILED_PRECONDITION")


def test_a_text_file_with_the_name_of_a_song_is_refused_with_a_sentence(
    caller: Path, demo: RunningDemo, tmp_path: Path
) -> None:
    no_song = tmp_path / "song.mp3"
    no_song.write_text("no music, only words\n" * 200)
    done = ask(caller, demo, "--bytes", str(no_song))
    assert done.returncode == 1
    assert "INVALID_ARGUMENT" in done.stderr
    assert "audio" in done.stderr
