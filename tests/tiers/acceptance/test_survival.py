"""kill -9 of any part in the middle of a run: the run ends by itself, and nothing is lost or done twice."""

import subprocess
from collections.abc import Iterator

import pytest
from running_demo import RunningDemo, wait_until

pytestmark = pytest.mark.timeout(600)
PARTS = {
    "the worker": ("-m portal worker",),
    "features": ("-m features",),
    "Triton": ("tritonserver --",),
}
FORGET_HALF = (
    "DELETE FROM verdicts_prediction WHERE track_id IN (SELECT id FROM library_track ORDER BY id LIMIT 80)",
    "UPDATE library_track SET audio_id = NULL, analysis = 'pending' "
    "WHERE id IN (SELECT id FROM library_track ORDER BY id LIMIT 80)",
    "DELETE FROM library_vector v WHERE NOT EXISTS (SELECT FROM library_track t WHERE t.audio_id = v.audio_id)",
    "DELETE FROM library_audio a WHERE NOT EXISTS (SELECT FROM library_track t WHERE t.audio_id = a.id)",
)


@pytest.fixture
def classify(demo: RunningDemo) -> Iterator[subprocess.Popen[str]]:
    """A classification in progress of half of the songs, whose features are not extracted yet."""
    for statement in FORGET_HALF:
        demo.query(statement)
    process = demo.start("classify")
    yield process
    process.kill()
    process.communicate()


def predicted(demo: RunningDemo) -> int:
    return int(demo.query("SELECT count(*) FROM verdicts_prediction WHERE current")[0][0])


def test_a_classification_outlives_every_part(demo: RunningDemo, classify: subprocess.Popen[str]) -> None:
    for number, (name, words) in enumerate(PARTS.items(), start=1):
        wait_until(
            lambda least=80 + number * 12: predicted(demo) >= least,
            seconds=120,
            what=f"songs before {name} dies",
        )
        assert classify.poll() is None, "the run ended before every part was killed: the test proves nothing"
        victims = demo.processes(*words)
        assert victims, f"{name} does not run"
        for victim in victims:
            victim.kill()
    output, _ = classify.communicate(timeout=240)
    assert classify.returncode == 0, output

    assert demo.query("SELECT count(*) FROM library_track WHERE removed_time IS NULL") == [(160,)]
    per_song = demo.query(
        "SELECT track_id, count(*) FROM verdicts_prediction WHERE current GROUP BY track_id"
    )
    assert len(per_song) == 160
    assert {count for _, count in per_song} == {1}
    songs = demo.status()["songs"]
    assert songs["failed"] == 0
    # Of some a later stage was to be asked while Triton was dead: the word of the one before stands until it is.
    assert songs["classified"] + songs["out_of_distribution"] + songs["provisional"] == 160
    again = demo.reclass("classify")
    assert again.returncode == 0, again.stdout + again.stderr
    songs = demo.status()["songs"]
    assert songs["classified"] + songs["out_of_distribution"] == 160
