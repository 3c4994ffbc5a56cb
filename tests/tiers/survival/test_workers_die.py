"""The portal while its database is killed and started again, and while workers die, are late, or never come back."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from plex_stand_in import Control
from portal_processes import (
    SONGS,
    STALLED_SECONDS,
    System,
    outlive_an_outage,
    portal_of_processes,
    wait_until,
)
from processes import free_port


@pytest.fixture
def system(plex: Control, tmp_path: Path) -> Iterator[System]:
    with portal_of_processes(plex, tmp_path, free_port()) as running:
        yield running


def test_a_run_outlives_a_kill_of_the_database_without_a_hand(system: System) -> None:
    outlive_an_outage(system, 1.0, kill=True)


def test_the_songs_of_a_killed_worker_are_taken_over_by_another(system: System) -> None:
    doomed = system.keep("worker", name="doomed")
    assert system.reclass("sync", "--library", "Music").returncode == 0
    system.features.gate.clear()
    extract = system.begin("extract")
    wait_until(lambda: sum(system.features.at_work.values()) > 0)
    other = system.keep("worker", name="other")
    doomed.let_go()
    system.features.gate.set()
    output, _ = extract.communicate(timeout=120)
    assert extract.returncode == 0, output
    assert system.one("SELECT count(*) FROM library_track WHERE analysis = 'extracted'") == SONGS
    assert other.statuses == []


def test_no_job_is_done_twice_at_once_because_a_heartbeat_is_late(system: System) -> None:
    """A worker that is stopped and goes on is what a machine under load makes of one."""
    late = system.keep("worker", name="late")
    assert system.reclass("sync", "--library", "Music").returncode == 0
    system.features.gate.clear()
    extract = system.begin("extract")
    wait_until(lambda: sum(system.features.at_work.values()) > 0)
    late.process.send_signal(signal.SIGSTOP)
    taken = system.one("SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND queue_name = 'runs'")
    system.keep("worker", name="other")
    system.features.gate.set()
    wait_until(lambda: len(system.features.extracted) >= SONGS - 3)
    age = "SELECT extract(epoch FROM now() - min(last_heartbeat)) FROM procrastinate_workers"
    wait_until(lambda: system.one(age) > 3 * STALLED_SECONDS)
    # The other worker looked after the jobs all the while, and left this one alone.
    states = "SELECT id, attempts FROM procrastinate_jobs WHERE status = 'doing' AND queue_name = 'runs'"
    assert (taken, 0) in system.query(states)
    late.process.send_signal(signal.SIGCONT)
    output, _ = extract.communicate(timeout=120)
    assert extract.returncode == 0, output
    assert system.features.most_at_once == 1
    assert system.one("SELECT count(*) FROM library_track WHERE analysis = 'extracted'") == SONGS


def test_a_worker_that_never_comes_back_loses_its_connection_and_its_songs(system: System) -> None:
    hung = system.keep("worker", name="hung")
    assert system.reclass("sync", "--library", "Music").returncode == 0
    system.features.gate.clear()
    extract = system.begin("extract")
    wait_until(lambda: sum(system.features.at_work.values()) > 0)
    hung.process.send_signal(signal.SIGSTOP)
    system.features.gate.set()
    # Late by more than anybody is, without waiting for it.
    system.query("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour' RETURNING 1")
    system.keep("worker", name="other")
    output, _ = extract.communicate(timeout=120)
    assert extract.returncode == 0, output
    assert system.one("SELECT count(*) FROM library_track WHERE analysis = 'extracted'") == SONGS
