"""Files with secrets are their owner's alone, whole or not there."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from runtime.private_files import make_private, write_private

OLD, NEW = "old " * 50_000, "new " * 50_000
TOO_LONG = """
import pathlib, resource, sys
from runtime.private_files import write_private
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
write_private(pathlib.Path(sys.argv[1]), "x" * 10_000)
"""


@pytest.fixture(autouse=True)
def generous() -> Iterator[None]:
    """A process that would let everybody read what it makes."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_could_read_it_at_any_time_and_a_reader_finds_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "token"
    write_private(path, OLD)
    enough, modes = threading.Event(), set[int]()

    def write() -> None:
        for text in iter(lambda: OLD if enough.is_set() else NEW, OLD):
            write_private(path, text)

    writer = threading.Thread(target=write)
    writer.start()
    half_made = 0
    while half_made < 20:
        assert path.read_text() in (OLD, NEW)
        for each in tmp_path.iterdir():
            try:
                modes.add(mode(each))
            except FileNotFoundError:
                continue  # it has taken its place
            half_made += each != path
    enough.set()
    writer.join()
    assert modes == {0o600}


def test_what_others_could_read_before_they_cannot_any_more(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    write_private(path, "new")
    assert (mode(path), path.read_text()) == (0o600, "new")


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target, path = tmp_path / "target", tmp_path / "token"
    target.write_text("somebody's")
    path.symlink_to(target)
    write_private(path, "new")
    assert (target.read_text(), path.is_symlink(), path.read_text()) == ("somebody's", False, "new")


def test_several_writers_at_once_leave_one_of_their_texts_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "token"
    texts = [str(number) * 100_000 for number in range(8)]
    writers = [threading.Thread(target=write_private, args=(path, text)) for text in texts]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_takes_no_more_leaves_the_old_file_and_nothing_half_written(tmp_path: Path) -> None:
    path = tmp_path / "token"
    write_private(path, "old")
    ended = subprocess.run(
        [sys.executable, "-c", TOO_LONG, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "OSError" in ended.stderr
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_made_or_was_open_lets_nobody_else_in(tmp_path: Path) -> None:
    made, there = tmp_path / "a" / "b", tmp_path / "there"
    there.mkdir()
    for folder in (made, there):
        make_private(folder)
        assert mode(folder) == 0o700
