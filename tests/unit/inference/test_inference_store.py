"""Model versions on disk: whole or not there, verified when read, the last five kept."""

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from inference.errors import ModelBrokenError, RepositoryUnwritableError, TrainingRunningError
from inference.evaluation import HeldOutFigures
from inference.head import Head
from inference.record import HeadRecord
from inference.settings import TEMPLATES_IN_CLONE
from inference.stages import STAGES
from inference.store import ModelStore
from inference.version_files import read_head, write_head

STAGE = STAGES[0]
HEAD = Head(
    mean=np.zeros(518, dtype=np.float32),
    scale=np.ones(518, dtype=np.float32),
    clip=8.0,
    weight=np.arange(518 * 3, dtype=np.float32).reshape(518, 3),
    bias=np.zeros(3, dtype=np.float32),
)
RECORD = HeadRecord(
    stage=1,
    algorithm="logistic-regression",
    genres=("Blues", "Jazz", "K-Pop"),
    temperature=0.5,
    strength=0.01,
    feature_versions={"FMA": "fma-518/1"},
    held_out=HeldOutFigures(
        songs=3,
        accuracy=1.0,
        macro_f1=1.0,
        majority_baseline_accuracy=0.3,
        calibration_error_before=0.2,
        calibration_error_after=0.1,
        genres=(),
    ),
    out_of_fold_accuracy=0.9,
    skipped=(),
    song_count=30,
    group_count=10,
    seed=1,
    training_digest="00",
    training_seconds=1.5,
    created_time=datetime(2026, 1, 2, tzinfo=UTC),
)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(repository=tmp_path / "models", templates=TEMPLATES_IN_CLONE)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    folder = tmp_path / "trained"
    folder.mkdir()
    write_head(folder, HEAD, RECORD)
    return folder


def test_before_the_first_training_there_is_no_version(store: ModelStore) -> None:
    assert store.current_version(STAGE) is None
    assert store.versions(STAGE) == []


def test_a_version_is_read_as_it_was_written(store: ModelStore, trained: Path) -> None:
    version = store.add(STAGE, trained)
    assert store.read(STAGE, version) == RECORD
    assert (read_head(store.folder(STAGE, version)).weight == HEAD.weight).all()


def test_a_new_version_does_not_serve_until_it_is_pointed_to(store: ModelStore, trained: Path) -> None:
    assert [store.add(STAGE, trained) for _ in range(2)] == [1, 2]
    assert store.current_version(STAGE) is None
    store.point_to(STAGE, 2)
    assert store.current_version(STAGE) == 2


@pytest.mark.parametrize("file", ["head.npz", "record.json", "model.py"])
def test_a_damaged_file_is_refused_with_its_name(store: ModelStore, trained: Path, file: str) -> None:
    path = store.folder(STAGE, store.add(STAGE, trained)) / file
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelBrokenError, match=f"genre_fma/1 is damaged: {file} differs"):
        store.read(STAGE, 1)


@pytest.mark.parametrize("file", ["head.npz", "record.json", "checksums.json"])
def test_a_missing_file_is_refused_with_its_name(store: ModelStore, trained: Path, file: str) -> None:
    (store.folder(STAGE, store.add(STAGE, trained)) / file).unlink()
    with pytest.raises(ModelBrokenError, match=f"genre_fma/1 is damaged: .*{file}"):
        store.read(STAGE, 1)


def test_checksums_that_are_no_json_are_refused(store: ModelStore, trained: Path) -> None:
    (store.folder(STAGE, store.add(STAGE, trained)) / "checksums.json").write_text("[")
    with pytest.raises(ModelBrokenError, match="genre_fma/1 is damaged"):
        store.read(STAGE, 1)


def test_a_failed_write_leaves_no_version(store: ModelStore, trained: Path) -> None:
    store.add(STAGE, trained)
    (trained / "record.json").unlink()
    with pytest.raises(RepositoryUnwritableError, match="the model in service stays"):
        store.add(STAGE, trained)
    assert store.versions(STAGE) == [1]
    assert sorted(path.name for path in store.folder(STAGE, 1).parent.iterdir()) == ["1"]


def test_the_last_five_versions_and_the_current_one_are_kept(store: ModelStore, trained: Path) -> None:
    for _ in range(8):
        store.add(STAGE, trained)
    store.point_to(STAGE, 2)
    store.prune(STAGE)
    assert store.versions(STAGE) == [2, 4, 5, 6, 7, 8]


def test_what_a_crash_left_half_written_is_no_version_and_is_cleared(
    store: ModelStore, trained: Path
) -> None:
    store.add(STAGE, trained)
    unfinished = store.folder(STAGE, 1).parent / ".writing-abc"
    unfinished.mkdir()
    assert store.versions(STAGE) == [1]
    store.prune(STAGE)
    assert not unfinished.exists()


def test_the_configuration_names_the_versions_to_serve(store: ModelStore, trained: Path) -> None:
    store.add(STAGE, trained)
    store.configure(STAGE, [1, 2])
    config = (store.folder(STAGE, 1).parent / "config.pbtxt").read_text()
    assert 'backend: "python"' in config
    assert "versions: [1, 2]" in config


def test_an_unchanged_configuration_is_not_written_again(store: ModelStore, trained: Path) -> None:
    store.add(STAGE, trained)
    store.configure(STAGE, [1])
    path = store.folder(STAGE, 1).parent / "config.pbtxt"
    os.utime(path, (1, 1))
    store.configure(STAGE, [1])
    assert path.stat().st_mtime == 1


def test_a_second_training_is_refused_while_one_runs(store: ModelStore) -> None:
    same_folder = ModelStore(repository=store.repository, templates=TEMPLATES_IN_CLONE)
    running = pytest.raises(TrainingRunningError, match="a training is running")
    with store.training_lock(), running, same_folder.training_lock():
        pass
    with same_folder.training_lock():
        pass


def test_a_repository_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = ModelStore(repository=tmp_path / "file" / "models", templates=TEMPLATES_IN_CLONE)
    refused = pytest.raises(RepositoryUnwritableError, match="file/models cannot be written: Not a directory")
    with refused, store.training_lock():
        pass
