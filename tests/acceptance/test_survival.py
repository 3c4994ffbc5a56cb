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


@pytest.fixture
def classify(demo: RunningDemo) -> Iterator[subprocess.Popen[str]]:
    """A classification in progress of songs that nobody has heard."""
    demo.query("UPDATE library_track SET audio_id = NULL, analysis = 'pending'")
    demo.query("DELETE FROM library_vector")
    demo.query("DELETE FROM library_audio")
    demo.query("DELETE FROM verdicts_prediction")
    process = demo.start("classify")
    yield process
    process.kill()
    process.communicate()


def predicted(demo: RunningDemo) -> int:
    return int(demo.query("SELECT count(*) FROM verdicts_prediction WHERE current")[0][0])


def test_a_classification_outlives_every_part(demo: RunningDemo, classify: subprocess.Popen[str]) -> None:
    for number, (name, words) in enumerate(PARTS.items(), start=1):
        wait_until(
            lambda least=number * 15: predicted(demo) >= least, seconds=120, what=f"songs before {name} dies"
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
    assert songs["classified"] == 160
    assert songs["failed"] == 0
