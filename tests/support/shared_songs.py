"""Songs that the tests of one run share, since encoding costs more than decoding."""

import fcntl
from pathlib import Path

import audio_files
import pytest


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, Path]:
    """One song of 40 s by suffix, the same music in each codec; read only, copy before changing.

    Where several processes run the tests, the first that needs the songs makes them for all.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "shared-songs"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [each for each in audio_files.SUFFIXES if not (folder / f"song.{each}").exists()]
        for suffix in missing:
            audio_files.song(folder, suffix)
    return {suffix: folder / f"song.{suffix}" for suffix in audio_files.SUFFIXES}
