"""The data folder: its modes, its secrets, and which version made it."""

import os
import stat
from pathlib import Path

import pytest
from standalone.errors import FolderError
from standalone.host.data_folder import DataFolder, open_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_their_owner_enters_what_may_hold_a_secret(folder: DataFolder) -> None:
    for private in (folder.secrets, folder.run, folder.sync, folder.triton, folder.models):
        assert mode(private) == 0o700


def test_what_others_may_read_is_closed(folder: DataFolder) -> None:
    folder.models.chmod(0o755)
    folder.prepare()
    assert mode(folder.models) == 0o700
    (folder.logs / "web.log").touch(mode=0o644)
    with open_private(folder.logs / "web.log") as log:
        log.write(b"anew")
    assert mode(folder.logs / "web.log") == 0o600


@pytest.mark.parametrize("layout", [None, "1\n", "2\n"])
def test_a_folder_of_another_version_is_refused_and_left_as_it_is(
    folder: DataFolder, layout: str | None
) -> None:
    folder.postgres.mkdir()
    folder.layout.unlink()
    if layout:
        folder.layout.write_text(layout)
    with pytest.raises(FolderError, match=rf"{folder.root} .*--data DIR"):
        folder.prepare()
    assert folder.layout.exists() == bool(layout)


def test_a_folder_with_a_database_of_this_version_is_used_again(folder: DataFolder) -> None:
    folder.postgres.mkdir()
    folder.prepare()


def test_a_secret_is_made_once_and_private(folder: DataFolder) -> None:
    first = folder.secret("database")
    assert len(first) >= 50, "Django wants as many characters for its key"
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


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_nobody_else_may_write_beside_the_secrets_and_the_logs(tmp_path: Path, mode: int) -> None:
    folder = DataFolder(root=tmp_path / "data")
    for made in (folder.root, folder.logs):
        made.mkdir()
        made.chmod(mode)
    folder.prepare()
    for made in (folder.root, folder.logs):
        assert stat.S_IMODE(made.stat().st_mode) == 0o755
