"""What a command in another shell is told of the running system."""

import os
import stat
from pathlib import Path

import pytest
from standalone.errors import FolderError, NotRunningError
from standalone.host.data_folder import DataFolder, default_root, demo_root, real_root
from standalone.host.environment import environment_of, write_environment
from standalone.host.lock import RunLock


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_second_shell_gets_the_environment_unchanged(folder: DataFolder) -> None:
    lock = RunLock(folder.lock)
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
    lock = RunLock(folder.lock)
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
    locks = [RunLock(folder.lock) for folder in usual_folders]
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
    lock = RunLock(demo.lock)
    lock.acquire()
    assert environment_of() == {"FOLDER": str(demo.root)}
    assert f"this is about the demo on {demo.root}" in capsys.readouterr().err
    lock.release()
    with pytest.raises(NotRunningError, match=f"nothing runs on {system.root}"):
        environment_of()


@pytest.mark.parametrize("name", ["~nobody-of-this-name/x", "loop/x", "a\0b"])
def test_a_folder_that_has_no_real_path_is_told_by_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    root = Path(name) if name.startswith("~") else tmp_path / name
    with pytest.raises(NotRunningError, match="cannot be used"):
        environment_of(root)
    with pytest.raises(FolderError, match="cannot be used"):
        real_root(root)
