"""The portal's processes and command without a database: a sentence and an exit status, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RECLASS = Path(sys.executable).with_name("reclass")


@pytest.mark.parametrize(
    "command",
    [
        [str(RECLASS), "status", "--json"],
        [sys.executable, "-m", "portal", "worker"],
        [sys.executable, "-m", "portal", "migrate", "--wait", "0"],
    ],
)
def test_a_database_that_does_not_run_is_said_with_what_to_do(command: list[str], unused_port: int) -> None:
    address = f"postgresql://reclass@127.0.0.1:{unused_port}/reclass"
    environment = {**os.environ, "PORTAL_DATABASE_URL": address}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"127.0.0.1:{unused_port}/reclass does not answer" in done.stderr
    assert "PORTAL_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_makes_no_sense_is_refused_by_name() -> None:
    environment = {**os.environ, "PORTAL_CHUNK_SIZE": "many"}
    command = [sys.executable, "-m", "portal", "worker"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "PORTAL_CHUNK_SIZE is 'many'" in done.stderr
