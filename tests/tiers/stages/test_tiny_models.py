"""Stage 2 for real: the demo with a MERT of random weights, from the windows to the verdict, and while it is away."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_demo import RunningDemo, running_demo, wait_until
from runtime.triton import Identity, Triton

pytestmark = pytest.mark.timeout(1800)
SONGS = 160
TRIAL = "trial weights: verdicts mean nothing"
FORGET_VERDICTS_AND_EMBEDDINGS = (
    "DELETE FROM verdicts_prediction",
    "UPDATE library_track SET analysis = 'extracted'",
    "DELETE FROM library_vector WHERE kind = 'mert'",
)


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    with running_demo("--tiny-models") as running:
        yield running


def later_stages(demo: RunningDemo) -> list[dict[str, object]]:
    """Songs on which a stage after the first had the last word."""
    return [row for row in demo.export() if (row["deciding_stage"] or 0) > 1]


def stage_of(demo: RunningDemo, name: str) -> dict[str, object]:
    """What `reclass status` says of a kind of vectors."""
    (found,) = [stage for stage in demo.status()["extraction"]["stages"] if stage["stage"] == name]
    return dict(found)


def test_every_song_has_both_vectors_and_both_stages_were_trained(demo: RunningDemo) -> None:
    status = demo.status()
    assert stage_of(demo, "fma")["done"] == stage_of(demo, "mert")["done"] == SONGS
    ready = {stage["stage"]: stage["ready"] for stage in status["model"]["stages"]}
    assert ready == {1: True, 2: True}
    assert demo.query(
        "SELECT DISTINCT kind, vector_dims(half_values) FROM library_vector WHERE kind = 'mert'"
    ) == [("mert", 768)]


def test_songs_that_stage_1_was_unsure_of_went_on_to_stage_2(
    demo: RunningDemo, say: Callable[[object], None]
) -> None:
    say(demo.output[demo.output.index("What came of it") :])
    assert "✗" not in demo.output
    rows = later_stages(demo)
    say(f"{len(rows)} of {SONGS} songs have their verdict from stage 2")
    assert rows
    assert all(str(row["model_version"]).startswith("genre_fma_mert/") for row in rows)


def test_random_weights_are_called_so_wherever_they_show(demo: RunningDemo) -> None:
    assert TRIAL in demo.output
    status = demo.reclass("status").stdout
    assert f"mert: {TRIAL}" in status
    assert f"({TRIAL})" in status  # beside the head that has learned from them
    assert demo.reclass("doctor").stdout.count(TRIAL) >= 2
    assert stage_of(demo, "mert")["for_trials"]
    assert "weights=trial" in str(stage_of(demo, "mert")["version"])


def test_what_random_weights_decided_was_not_written_and_is_only_when_it_is_asked_for_by_name(
    demo: RunningDemo,
) -> None:
    rows = later_stages(demo)
    assert all(row["random_weights"] for row in rows)
    assert [row["title"] for row in rows if row["in_plex"] == "written"] == []
    assert any(row["in_plex"] == "written" for row in demo.export())
    planned = demo.reclass("push", "--dry-run").stdout
    assert "random weights decided" in " ".join(planned.split())
    planned = demo.reclass("push", "--dry-run", "--random-weights").stdout
    assert "of random weights" in planned
    refused = demo.reclass("push")
    assert refused.returncode != 0
    assert "reclass push --random-weights" in " ".join((refused.stdout + refused.stderr).split())
    pushed = demo.reclass("push", "--random-weights")
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    assert any(row["in_plex"] == "written" for row in later_stages(demo))
    assert demo.reclass("rollback", "latest").returncode == 0


def test_unsure_songs_are_provisional_while_mert_is_away_and_taken_again_when_it_is_back(
    demo: RunningDemo, say: Callable[[object], None]
) -> None:
    weights = demo.folder.weights / "trial" / "pytorch_model.bin"
    sound = weights.read_bytes()
    put_back(weights, b"no weights at all")
    unload(demo)
    for statement in FORGET_VERDICTS_AND_EMBEDDINGS:
        demo.query(statement)
    done = demo.reclass("classify")
    assert done.returncode == 0, done.stdout + done.stderr
    songs = demo.status()["songs"]
    say(f"while MERT was away: {songs['classified']} classified, {songs['provisional']} provisional")
    assert songs["provisional"] > 0
    assert songs["classified"] > 0
    assert songs["provisional"] + songs["classified"] + songs["out_of_distribution"] == SONGS
    assert not later_stages(demo)

    put_back(weights, sound)
    wait_until(lambda: bool(stage_of(demo, "mert")["installed"]), seconds=60, what="MERT serves again")
    done = demo.reclass("classify")
    assert done.returncode == 0, done.stdout + done.stderr
    after = demo.status()["songs"]
    assert (after["provisional"], after["classified"] + after["out_of_distribution"]) == (0, SONGS)
    assert len(later_stages(demo)) == songs["provisional"]


def unload(demo: RunningDemo) -> None:
    """As when the machine that ran it is gone."""
    folder = demo.folder.certificates
    identity = Identity(
        authority=(folder / "ca.crt").read_text(),
        certificate=(folder / "inference.crt").read_text(),
        key=(folder / "inference.key").read_text(),
    )
    key = demo.folder.secret("triton-key")
    triton = Triton(f"127.0.0.1:{demo.ports.triton_grpc}", identity=identity, key=key)
    triton.unload("mert")
    triton.close()


def put_back(weights: Path, sound: bytes) -> None:
    fresh = weights.with_suffix(".new")
    fresh.write_bytes(sound)
    fresh.rename(weights)
