"""`reclass demo` as a process: what becomes of it when a person presses Ctrl-C while it makes its songs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from standalone.host.ports import Ports, variable
from waiting import until

RECLASS = Path(sys.executable).with_name("reclass")
# A song takes a second or two to make; whoever ends at once waits for none.
AT_ONCE_SECONDS = 5.0


@pytest.fixture
def making_songs(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo whose workers are at their first songs."""
    command = [RECLASS, "demo", "--data", str(tmp_path / "data"), "--songs-per-genre", "50"]
    environment = os.environ | {variable(name): str(port) for name, port in Ports.free().items()}
    demo = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        until(lambda: any(file.is_file() for file in tmp_path.rglob("music/**/*")), seconds=60)
        yield demo
    finally:
        for process in (
            (*psutil.Process(demo.pid).children(recursive=True), demo) if demo.poll() is None else ()
        ):
            process.kill()
        demo.communicate()


@pytest.mark.parametrize("pause_seconds", [None, 0.0, 0.3])
def test_the_demo_ends_at_once_when_it_is_interrupted_once_or_twice_at_its_songs(
    making_songs: subprocess.Popen[str], pause_seconds: float | None
) -> None:
    workers = psutil.Process(making_songs.pid).children(recursive=True)
    began = time.monotonic()
    making_songs.send_signal(signal.SIGINT)
    if pause_seconds is not None:
        time.sleep(pause_seconds)
        making_songs.send_signal(signal.SIGINT)
    said, _ = making_songs.communicate(timeout=60)
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert (making_songs.returncode, said.splitlines()[-1]) == (130, "Stopped.")
    assert not psutil.wait_procs(workers, timeout=2)[1]
