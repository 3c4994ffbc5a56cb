"""One system for a data folder."""

import os
import subprocess
import sys

import psutil
import pytest
from standalone.errors import AlreadyRunningError
from standalone.host.data_folder import DataFolder
from standalone.host.lock import RunLock, holder


def test_a_second_start_on_a_folder_is_refused_with_the_process_of_the_first(folder: DataFolder) -> None:
    first, second = RunLock(folder.lock), RunLock(folder.lock)
    first.acquire()
    with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_lock_whose_process_died_holds_nobody_up(folder: DataFolder) -> None:
    folder.lock.write_text("999999999 1.0")
    lock = RunLock(folder.lock)
    lock.acquire()
    assert holder(lock.path) == os.getpid()
    lock.release()
    assert holder(lock.path) is None


def test_a_number_that_now_belongs_to_another_process_is_no_holder(folder: DataFolder) -> None:
    folder.lock.write_text(f"{os.getpid()} 1.0")
    assert holder(folder.lock) is None


def test_a_holder_is_found_after_the_clock_was_put_right(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel works out when the machine was started from the clock, and so does psutil for every process."""
    lock = RunLock(folder.lock)
    lock.acquire()
    started = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: started + 3600)
    assert psutil.boot_time() == started + 3600
    assert holder(folder.lock) == os.getpid()
    lock.release()


def test_another_process_finds_the_holder(folder: DataFolder) -> None:
    lock = RunLock(folder.lock)
    lock.acquire()
    look = "import sys; from pathlib import Path; from standalone.host.lock import holder; "
    asked = [sys.executable, "-c", f"{look}print(holder(Path(sys.argv[1])))", str(folder.lock)]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() == str(
        os.getpid()
    )
    lock.release()


@pytest.mark.parametrize("text", ["", "x", "\0", "-1 1 x", "0 1 x", "99999999999999999999 1 x", "1"])
def test_a_lock_file_that_says_nothing_names_no_holder(folder: DataFolder, text: str) -> None:
    folder.lock.write_text(text)
    assert holder(folder.lock) is None
