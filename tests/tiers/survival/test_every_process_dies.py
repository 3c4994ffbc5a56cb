"""kill -9 of each process in turn during sync, extract and classify: the work ends by itself, and nothing is lost."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from running_demo import RunningDemo, running_demo, wait_until

pytestmark = pytest.mark.timeout(900)
SONGS = 160
# Words of each process's command line.
PARTS = {
    "PostgreSQL": ("bin/postgres", "-D"),
    "Triton": ("tritonserver --",),
    "sync": ("-m sync",),
    "features": ("-m features",),
    "inference": ("-m inference",),
    "the worker": ("-m portal worker",),
    "the web pages": ("-m portal web",),
}
BACK_SECONDS = 90
MOST_STARTS = 3
# A job that a dead worker left is not being worked on: the worker that lives now is the one that came last.
AT_WORK = """
    SELECT count(*) > 0 FROM procrastinate_jobs JOIN runs_run ON runs_run.id = (args->>'run_id')::int
    WHERE status = 'doing' AND state = 'running' AND worker_id = (SELECT max(id) FROM procrastinate_workers)
"""
# The demo's library is read in two seconds; this makes time to die in.
SLOW_PLEX = {"kind": "slow", "path": "/library", "times": -1, "seconds": 0.04}

FORGET_WHAT_PLEX_SAID = (
    "UPDATE library_track SET title = 'forgotten', plex_genres = '{}', last_synced = NULL",
)
FORGET_FEATURES = (
    "DELETE FROM verdicts_prediction",
    "UPDATE library_track SET audio_id = NULL, analysis = 'pending'",
    "DELETE FROM library_vector",
    "DELETE FROM library_audio",
)


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    """A system of this module's own: what dies here must not be missed elsewhere."""
    with running_demo() as running:
        yield running


@dataclass(kw_only=True)
class Endless:
    """A command that is started again, its work undone, whenever it has ended; each end must be a good one."""

    demo: RunningDemo
    arguments: tuple[str, ...]
    undo: tuple[str, ...]
    process: subprocess.Popen[str] | None = field(default=None, init=False)
    outputs: list[str] = field(default_factory=list, init=False)

    def be_under_way(self) -> None:
        """Return in the middle of the work."""
        for _ in range(MOST_STARTS):
            self._be_started()
            wait_until(self._runs, seconds=BACK_SECONDS, what=f"{self.arguments} is at work")
            if self.process is not None and self.process.poll() is None:
                return
        raise AssertionError(f"{self.arguments} ends before anybody can be killed")

    def _be_started(self) -> None:
        if self.process is not None and self.process.poll() is not None:
            self.end()
        if self.process is None:
            for statement in self.undo:
                self.demo.query(statement)
            self.process = self.demo.start(*self.arguments)

    def _runs(self) -> bool:
        """Or has ended so soon that nobody could be killed meanwhile."""
        has_ended = self.process is not None and self.process.poll() is not None
        return has_ended or answer(self.demo, AT_WORK) == [(True,)]

    def end(self) -> None:
        """Wait for the end of the command, and see that it was a good one."""
        assert self.process is not None
        output, _ = self.process.communicate(timeout=400)
        assert self.process.returncode == 0, output
        self.outputs.append(output)
        self.process = None


def answer(demo: RunningDemo, sql: str) -> list[tuple[Any, ...]]:
    """What the database says, or nothing while it is away."""
    try:
        return demo.query(sql)
    except psycopg.OperationalError:
        return []


def kill(demo: RunningDemo, part: str) -> None:
    """kill -9, and wait for the process that takes its place."""
    victims = demo.processes(*PARTS[part])
    assert victims, f"{part} does not run"
    for victim in victims:
        victim.kill()
    old = {victim.pid for victim in victims}

    def is_back() -> bool:
        return bool({process.pid for process in demo.processes(*PARTS[part])} - old)

    wait_until(is_back, seconds=BACK_SECONDS, what=f"{part} is back")


def kept(demo: RunningDemo) -> dict[str, Any]:
    """What no death may change."""
    return {
        "songs": demo.query("SELECT rating_key, file FROM library_track ORDER BY rating_key"),
        "ledger": demo.query(
            "SELECT batch_id, track_id, state, before_genres FROM ledger_writerow ORDER BY id"
        ),
        "overrides": demo.query("SELECT count(*) FROM verdicts_override"),
        "in Plex": demo.plex_genres(),
    }


def survive(demo: RunningDemo, *arguments: str, undo: tuple[str, ...]) -> None:
    """Kill each part once while the command is at work, and let the command end."""
    wait_until(lambda: bool(answer(demo, "SELECT 1")), seconds=BACK_SECONDS, what="the database answers")
    before = kept(demo)
    command = Endless(demo=demo, arguments=arguments, undo=undo)
    for part in PARTS:
        command.be_under_way()
        kill(demo, part)
    command.be_under_way()
    command.end()
    assert kept(demo) == before


@pytest.fixture
def slow_plex(demo: RunningDemo) -> Iterator[None]:
    demo.plex("faults", "POST", SLOW_PLEX)
    yield
    demo.plex("faults", "DELETE")


def test_a_sync_outlives_every_process(demo: RunningDemo, slow_plex: None) -> None:
    titles = demo.query("SELECT rating_key, title, plex_genres FROM library_track ORDER BY rating_key")
    survive(demo, "sync", "--full", undo=FORGET_WHAT_PLEX_SAID)
    assert (
        demo.query("SELECT rating_key, title, plex_genres FROM library_track ORDER BY rating_key") == titles
    )
    assert demo.query(
        "SELECT count(*) FROM library_track WHERE removed_time IS NULL AND last_synced IS NOT NULL"
    ) == [(SONGS,)]


def test_an_extraction_outlives_every_process(demo: RunningDemo) -> None:
    survive(demo, "extract", undo=FORGET_FEATURES)
    assert demo.query(
        "SELECT count(*), count(DISTINCT audio_id) FROM library_track WHERE analysis = 'extracted'"
    ) == [(SONGS, SONGS)]
    assert demo.query("SELECT count(*), count(DISTINCT audio_id) FROM library_vector WHERE kind = 'fma'") == [
        (SONGS, SONGS)
    ]


def test_a_classification_outlives_every_process(demo: RunningDemo) -> None:
    survive(demo, "classify", undo=FORGET_FEATURES)
    current = demo.query("SELECT count(*), count(DISTINCT track_id) FROM verdicts_prediction WHERE current")
    assert current == [(SONGS, SONGS)]
    twice = "SELECT FROM verdicts_prediction GROUP BY track_id, model_version HAVING count(*) > 1"
    assert demo.query(f"SELECT count(*) FROM ({twice}) AS twice") == [(0,)]  # noqa: S608 # our own words
    # Of some a later stage was to be asked while Triton was dead: the word of the one before stands until it is.
    songs = demo.status()["songs"]
    decided = songs["classified"] + songs["out_of_distribution"]
    assert (decided + songs["provisional"], songs["failed"]) == (SONGS, 0)
    again = demo.reclass("classify")
    assert again.returncode == 0, again.stdout + again.stderr
    songs = demo.status()["songs"]
    assert (songs["classified"] + songs["out_of_distribution"], songs["failed"]) == (SONGS, 0)
