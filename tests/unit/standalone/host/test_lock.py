"""One system for a data folder."""

import os

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
