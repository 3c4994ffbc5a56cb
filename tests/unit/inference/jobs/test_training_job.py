"""The songs of a training on a disk that is full."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from inference.classify.stages import FMA, Vector
from inference.errors import FolderUnwritableError
from inference.jobs.training_job import Trainer
from inference.registry.store import ModelStore
from inference.serving.heads import Heads
from runtime.triton import Triton
from small_files import files_of_at_most


@pytest.fixture
def trainer(tmp_path: Path) -> Iterator[Trainer]:
    server = Triton("127.0.0.1:1")
    store = ModelStore(repository=tmp_path / "models", templates=tmp_path)
    yield Trainer(store=store, heads=Heads(store, server), threads=1)
    server.close()


def send_songs(trainer: Trainer) -> None:
    vector = Vector(kind=FMA, version="1", values=np.zeros(518, dtype=np.float32))
    with trainer.evaluation() as job:
        for number in range(100):
            job.corpus.add(song_id=str(number), genres=["Jazz"], artist="x", vectors=[vector])


def test_songs_for_which_there_is_no_room_are_refused_with_what_to_do(trainer: Trainer) -> None:
    with pytest.raises(FolderUnwritableError, match="free space there"), files_of_at_most(10_000):
        send_songs(trainer)
    with trainer.evaluation():
        """There is room for another one at once."""


def test_where_there_is_no_folder_for_them_that_is_said(
    trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(FolderUnwritableError, match="gone"), trainer.evaluation():
        raise AssertionError("there is no folder")
