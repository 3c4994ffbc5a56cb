"""The data folder: its modes, its secrets, its lock, what it tells a second shell."""

import os
import stat
from pathlib import Path

import pytest
from runtime.private import write_private
from standalone.errors import AlreadyRunningError, FolderError, NotRunningError
from standalone.host.data_folder import DataFolder, default_root, demo_root, open_private
from standalone.host.environment import environment_of, lock_file, write_environment
from standalone.host.lock import RunLock, holder


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(root=tmp_path.resolve() / "data")
    folder.prepare()
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_their_owner_enters_what_may_hold_a_secret(folder: DataFolder) -> None:
    for private in (folder.secrets, folder.run, folder.sync, folder.triton, folder.models):
        assert mode(private) == 0o700


def test_what_an_earlier_version_let_others_read_is_closed(folder: DataFolder) -> None:
    for name in ("web.log", "triton.log.1"):
        (folder.logs / name).write_text("something")
        (folder.logs / name).chmod(0o644)
    folder.models.chmod(0o755)
    folder.prepare()
    assert {mode(log) for log in folder.logs.iterdir()} == {0o600}
    assert mode(folder.models) == 0o700
    with open_private(folder.logs / "web.log") as log:
        log.write(b"anew")
    assert mode(folder.logs / "web.log") == 0o600


def test_a_secret_is_made_once_and_private(folder: DataFolder) -> None:
    first = folder.secret("database")
    assert len(first) >= 32
    assert folder.secret("database") == first
    assert folder.secret("other") != first
    assert mode(folder.secret_file("database")) == 0o600


def test_a_secret_from_outside_replaces_the_earlier_one(folder: DataFolder) -> None:
    folder.secret_file("plex-token", "old")
    assert folder.secret_file("plex-token", "new").read_text() == "new"
    assert mode(folder.secrets / "plex-token") == 0o600


def test_a_folder_that_cannot_be_made_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FolderError, match="--data DIR"):
        DataFolder(root=tmp_path / "file" / "data").prepare()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every folder")
def test_a_folder_of_somebody_else_is_refused_with_its_owner() -> None:
    with pytest.raises(FolderError, match="cannot be used"):
        DataFolder(root=Path("/var/lib")).prepare()


def test_a_second_start_on_a_folder_is_refused_with_the_process_of_the_first(folder: DataFolder) -> None:
    first, second = RunLock(lock_file(folder)), RunLock(lock_file(folder))
    first.acquire()
    with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_lock_whose_process_died_holds_nobody_up(folder: DataFolder) -> None:
    lock_file(folder).write_text("999999999 1.0")
    lock = RunLock(lock_file(folder))
    lock.acquire()
    assert holder(lock.path) == os.getpid()
    lock.release()
    assert holder(lock.path) is None


def test_a_number_that_now_belongs_to_another_process_is_no_holder(folder: DataFolder) -> None:
    lock_file(folder).write_text(f"{os.getpid()} 1.0")
    assert holder(lock_file(folder)) is None


def test_a_second_shell_gets_the_environment_unchanged(folder: DataFolder) -> None:
    lock = RunLock(lock_file(folder))
    lock.acquire()
    values = {"PORTAL_PLEX_LIBRARY": 'Mum\'s "music" = $HOME; # \n100 %', "PORTAL_PORT": "8000"}
    write_environment(folder, values)
    assert environment_of(folder.root) == values
    assert mode(folder.run / "environment") == 0o600
    lock.release()


def test_without_a_running_system_the_second_shell_is_told_how_to_start_it(folder: DataFolder) -> None:
    write_environment(folder, {"PORTAL_PORT": "8000"})
    with pytest.raises(NotRunningError, match=f"start it with reclass up --data {folder.root}"):
        environment_of(folder.root)


def test_a_system_that_is_still_starting_says_so(folder: DataFolder) -> None:
    lock = RunLock(lock_file(folder))
    lock.acquire()
    with pytest.raises(NotRunningError, match="starting or stopping"):
        environment_of(folder.root)
    lock.release()


@pytest.fixture
def usual_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[DataFolder, DataFolder]:
    """The usual folders of a system and of the demo, as an ordinary user has them."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path.resolve()))
    folders = DataFolder(root=default_root()), DataFolder(root=demo_root())
    for folder in folders:
        folder.prepare()
        write_environment(folder, {"FOLDER": str(folder.root)})
    return folders


def test_a_command_that_names_no_folder_means_the_usual_one_where_that_runs(
    usual_folders: tuple[DataFolder, DataFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    locks = [RunLock(lock_file(folder)) for folder in usual_folders]
    for lock in locks:
        lock.acquire()
    assert environment_of() == {"FOLDER": str(usual_folders[0].root)}
    assert capsys.readouterr().err == ""
    for lock in locks:
        lock.release()


def test_a_command_that_names_no_folder_means_the_demo_where_only_that_runs_and_says_so(
    usual_folders: tuple[DataFolder, DataFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    system, demo = usual_folders
    lock = RunLock(lock_file(demo))
    lock.acquire()
    assert environment_of() == {"FOLDER": str(demo.root)}
    assert f"this is about the demo on {demo.root}" in capsys.readouterr().err
    lock.release()
    with pytest.raises(NotRunningError, match=f"nothing runs on {system.root}"):
        environment_of()


def test_a_key_that_is_too_short_for_the_portal_is_made_anew(folder: DataFolder) -> None:
    write_private(folder.secrets / "django-secret-key", "a" * 48)
    made = folder.secret("django-secret-key")
    assert len(made) >= 50
    assert folder.secret("django-secret-key") == made
    assert len(folder.secret("database")) >= 50


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_nobody_else_may_write_beside_the_secrets_and_the_logs(tmp_path: Path, mode: int) -> None:
    folder = DataFolder(root=tmp_path / "data")
    for made in (folder.root, folder.logs):
        made.mkdir()
        made.chmod(mode)
    folder.prepare()
    for made in (folder.root, folder.logs):
        assert stat.S_IMODE(made.stat().st_mode) == 0o755
