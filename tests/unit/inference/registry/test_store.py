"""Models on disk: whole or not there, verified when read, the last five kept."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from head_records import RECORD
from inference.classify.stages import FIRST_STAGE
from inference.errors import (
    ModelBrokenError,
    ModelUnknownError,
    RepositoryUnwritableError,
    TrainingRunningError,
)
from inference.registry.atomic_files import replace
from inference.registry.models import ModelState, registered_model
from inference.registry.store import ModelStore
from inference.registry.version_files import read_head, write_checksums, write_head
from inference.serving.lifecycle import put_into_service
from inference.settings import TEMPLATES_IN_CLONE
from inference.training.head import Head
from inference.training.out_of_distribution import MahalanobisDistance

STAGE = FIRST_STAGE
HEAD = Head(
    mean=np.zeros(518, dtype=np.float32),
    scale=np.ones(518, dtype=np.float32),
    clip=8.0,
    weight=np.arange(518 * 3, dtype=np.float32).reshape(518, 3),
    bias=np.zeros(3, dtype=np.float32),
    ood_distance=MahalanobisDistance(
        basis=np.eye(518, 2, dtype=np.float32),
        whitening=np.eye(2, dtype=np.float32),
        centres=np.zeros((3, 2), dtype=np.float32),
        residual=1.0,
    ),
)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(repository=tmp_path / "models", templates=TEMPLATES_IN_CLONE)


def add(store: ModelStore, trained: Path) -> int:
    """The number of a new model of one head."""
    return store.add({STAGE: trained}).number


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    folder = tmp_path / "trained"
    folder.mkdir()
    write_head(folder, HEAD, RECORD)
    return folder


def test_before_the_first_training_there_is_no_model(store: ModelStore) -> None:
    assert store.serving() == {}
    assert store.models.all() == []


def test_a_version_is_read_as_it_was_written(store: ModelStore, trained: Path) -> None:
    version = add(store, trained)
    assert store.read(STAGE, version) == RECORD
    read = read_head(store.folder(STAGE, version))
    assert (read.weight == HEAD.weight).all()
    assert (
        read.distances(np.eye(2, 518, dtype=np.float32)).tolist()
        == HEAD.distances(np.eye(2, 518, dtype=np.float32)).tolist()
    )


def test_a_new_model_does_not_serve_until_it_is_put_into_service(store: ModelStore, trained: Path) -> None:
    models = [store.add({STAGE: trained}) for _ in range(2)]
    assert [model.heads for model in models] == [("genre_fma/1",), ("genre_fma/2",)]
    assert store.serving() == {}
    put_into_service(store, models[1])
    assert store.serving() == {"genre_fma": 2}
    assert states(store) == {"model-2": ModelState.IN_SERVICE, "model-1": ModelState.CANDIDATE}


def states(store: ModelStore) -> dict[str, ModelState]:
    service = store.models.in_service()
    return {model.name: registered_model(model, service).state for model in store.models.all()}


@pytest.mark.parametrize("file", ["head.npz", "record.json", "model.py"])
def test_a_damaged_file_is_refused_with_its_name(store: ModelStore, trained: Path, file: str) -> None:
    path = store.folder(STAGE, add(store, trained)) / file
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelBrokenError, match=f"genre_fma/1 is damaged: {file} differs"):
        store.read(STAGE, 1)


@pytest.mark.parametrize("file", ["head.npz", "record.json", "checksums.json"])
def test_a_missing_file_is_refused_with_its_name(store: ModelStore, trained: Path, file: str) -> None:
    (store.folder(STAGE, add(store, trained)) / file).unlink()
    with pytest.raises(ModelBrokenError, match=f"genre_fma/1 is damaged: .*{file}"):
        store.read(STAGE, 1)


def test_checksums_that_are_no_json_are_refused(store: ModelStore, trained: Path) -> None:
    (store.folder(STAGE, add(store, trained)) / "checksums.json").write_text("[")
    with pytest.raises(ModelBrokenError, match="genre_fma/1 is damaged"):
        store.read(STAGE, 1)


@pytest.mark.parametrize("file", ["model.current", "model-1.json", "genre_fma/1/record.json"])
def test_a_file_of_another_version_of_the_service_is_refused_with_what_to_do(
    store: ModelStore, trained: Path, file: str
) -> None:
    model = store.add({STAGE: trained})
    put_into_service(store, model)
    path = store.repository / file
    path.write_text('{"line": ["model-1"]}')
    (store.folder(STAGE, 1) / "checksums.json").unlink()
    write_checksums(store.folder(STAGE, 1))

    def read() -> None:
        store.serving()
        store.records(store.models.read("model-1"))

    with pytest.raises(ModelBrokenError, match=r"version of the service wrote.* again"):
        read()


def test_a_failed_write_leaves_no_model(store: ModelStore, trained: Path) -> None:
    add(store, trained)
    missing = trained / "songs.json"
    with pytest.raises(RepositoryUnwritableError, match="the model in service stays"):
        store.add({STAGE: trained}, attachments=[missing])
    assert store.versions(STAGE) == [1]
    assert sorted(path.name for path in store.repository.iterdir()) == ["genre_fma", "model-1.json"]


def test_a_full_disk_leaves_no_model_and_is_named(tmp_path: Path, trained: Path) -> None:
    """/dev/full fails every write as a full disk does."""
    store = ModelStore(repository=tmp_path / "models", templates=TEMPLATES_IN_CLONE)
    put_into_service(store, store.add({STAGE: trained}))
    fresh = f".model-2.json.{os.getpid()}-{threading.get_ident()}.new"
    (store.repository / fresh).symlink_to("/dev/full")
    with pytest.raises(RepositoryUnwritableError, match=r"The disk is full\. Free space"):
        add(store, trained)
    assert store.versions(STAGE) == [1]
    assert [model.name for model in store.models.all()] == ["model-1"]
    assert store.serving() == {"genre_fma": 1}
    assert add(store, trained) == 2


def test_the_last_five_models_the_one_in_service_and_the_one_before_it_are_kept(
    store: ModelStore, trained: Path
) -> None:
    for _ in range(3):
        put_into_service(store, store.add({STAGE: trained}))
    for _ in range(6):
        add(store, trained)
    store.prune()
    assert store.versions(STAGE) == [2, 3, 5, 6, 7, 8, 9]
    assert list(states(store)) == [f"model-{number}" for number in (9, 8, 7, 6, 5, 3, 2)]
    service = store.models.in_service()
    assert service
    assert service.history == ("model-2", "model-3")


def test_heads_of_stages_that_no_kept_model_has_go_too_and_what_is_no_head_stays(
    store: ModelStore, trained: Path
) -> None:
    old, new = (FIRST_STAGE.joined_by(kind) for kind in ("MERT", "KIND1000"))
    for stage in (old, new, new, new, new, new):
        put_into_service(store, store.add({STAGE: trained, stage: trained}))
    (store.repository / "genre_other" / "1").mkdir(parents=True)
    assert store.stages() == [STAGE, new, old]
    store.prune()
    assert (store.versions(old), store.versions(new)) == ([], [2, 3, 4, 5, 6])
    assert (store.repository / "genre_other" / "1").is_dir()


def test_a_number_is_never_given_twice(store: ModelStore, trained: Path) -> None:
    for _ in range(7):
        add(store, trained)
    store.prune()
    assert add(store, trained) == 8


def test_heads_without_a_model_were_left_by_a_crash_and_are_cleared(store: ModelStore, trained: Path) -> None:
    put_into_service(store, store.add({STAGE: trained}))
    store.models.remove(store.add({STAGE: trained}).name)
    store.prune()
    assert store.versions(STAGE) == [1]


def test_a_damaged_pointer_is_named_with_what_mends_it(store: ModelStore, trained: Path) -> None:
    model = store.add({STAGE: trained})
    (store.repository / "model.current").write_text("{")
    with pytest.raises(ModelBrokenError, match=r"model.current, .*damaged.*`reclass models promote NAME`"):
        store.serving()
    put_into_service(store, model)
    assert store.serving() == {"genre_fma": 1}


def test_a_model_that_is_not_kept_is_refused_with_those_that_are(store: ModelStore, trained: Path) -> None:
    add(store, trained)
    for name in ("model-2", "model-0", "../model-1", ""):
        with pytest.raises(ModelUnknownError, match="kept are: model-1"):
            store.models.read(name)


def test_a_damaged_model_file_is_named_and_left_out_of_the_list(store: ModelStore, trained: Path) -> None:
    for _ in range(2):
        add(store, trained)
    (store.repository / "model-1.json").write_text("{}")
    with pytest.raises(ModelBrokenError, match=r"model-1.json is damaged"):
        store.models.read("model-1")
    assert [model.name for model in store.models.all()] == ["model-2"]
    store.prune()
    assert store.versions(STAGE) == [1, 2]


def test_what_a_crash_left_half_written_is_no_version_and_is_cleared(
    store: ModelStore, trained: Path
) -> None:
    add(store, trained)
    unfinished = store.folder(STAGE, 1).parent / ".writing-abc"
    unfinished.mkdir()
    assert store.versions(STAGE) == [1]
    store.prune()
    assert not unfinished.exists()


def test_the_configuration_names_the_versions_to_serve(store: ModelStore, trained: Path) -> None:
    add(store, trained)
    store.configure(STAGE, [1, 2])
    config = (store.folder(STAGE, 1).parent / "config.pbtxt").read_text()
    assert 'backend: "python"' in config
    assert "versions: [1, 2]" in config


def test_an_unchanged_configuration_is_not_written_again(store: ModelStore, trained: Path) -> None:
    add(store, trained)
    store.configure(STAGE, [1])
    path = store.folder(STAGE, 1).parent / "config.pbtxt"
    os.utime(path, (1, 1))
    store.configure(STAGE, [1])
    assert path.stat().st_mtime == 1


def test_a_second_training_is_refused_while_one_runs(store: ModelStore) -> None:
    same_folder = ModelStore(repository=store.repository, templates=TEMPLATES_IN_CLONE)
    running = pytest.raises(TrainingRunningError, match="a training is running, or")
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


def test_a_file_that_many_threads_write_at_once_is_one_of_theirs(tmp_path: Path) -> None:
    path = tmp_path / "config.pbtxt"
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: replace(path, bytes([number]) * 100), range(200)))
    content = path.read_bytes()
    assert content == content[:1] * 100
    assert list(tmp_path.iterdir()) == [path]
