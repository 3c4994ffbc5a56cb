"""Songs that the tests of one run share, since encoding costs more than decoding."""

from pathlib import Path

import audio_files
import pytest


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One song of 40 s by suffix, the same music in each codec; read only, copy before changing."""
    folder = tmp_path_factory.mktemp("songs")
    return {suffix: audio_files.song(folder, suffix) for suffix in audio_files.SUFFIXES}
