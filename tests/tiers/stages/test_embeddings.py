"""Embeddings are switched off and on, come later and go, in a running system: no vector and no verdict is lost."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from running_demo import ROOT, RunningDemo, running_demo, wait_until
from runtime.triton import Identity, Triton
from standalone.system.mert_weights import make_trial

pytestmark = pytest.mark.timeout(1800)
SONGS = 160
Verdicts = dict[str, tuple[Any, ...]]


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    with running_demo() as running:
        yield running


def run(demo: RunningDemo, *arguments: str) -> str:
    """A command that ends well; what it printed."""
    done = demo.reclass(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def vectors(demo: RunningDemo) -> dict[str, set[tuple[Any, ...]]]:
    """Every vector that is kept, by its kind: of which audio, of which version, and when it was made."""
    found: dict[str, set[tuple[Any, ...]]] = {}
    for kind, *row in demo.query("SELECT kind, audio_id, version, created_time FROM library_vector"):
        found.setdefault(kind, set()).add(tuple(row))
    return found


def verdicts(demo: RunningDemo) -> Verdicts:
    """The AI's word on every song, by its key."""
    words = ("ai_genre", "deciding_stage", "model_version", "outcome")
    return {row["rating_key"]: tuple(row[word] for word in words) for row in demo.export()}


def of_stage(found: Verdicts, stage: int) -> set[str]:
    """Songs on which this stage had the last word."""
    return {key for key, (_, deciding, *_) in found.items() if deciding == stage}


def classified_anew(demo: RunningDemo) -> Verdicts:
    """What the model says of songs as if they were new: a training's own word on its songs differs a little."""
    demo.query("DELETE FROM verdicts_prediction")
    demo.query("UPDATE library_track SET analysis = 'extracted' WHERE analysis <> 'failed'")
    run(demo, "classify")
    return verdicts(demo)


def embeddings(demo: RunningDemo) -> dict[str, dict[str, Any]]:
    """The owner's table, by kind."""
    return {row["stage"]: row for row in demo.status()["extraction"]["stages"]}


def test_fma_and_the_real_musicnn_are_extracted_and_both_stages_decide(
    demo: RunningDemo, say: Callable[[object], None]
) -> None:
    say(demo.output[demo.output.index("What came of it") :])
    assert {kind: len(rows) for kind, rows in vectors(demo).items()} == {"fma": SONGS, "musicnn": SONGS}
    assert {stage["stage"]: stage["ready"] for stage in demo.status()["model"]["stages"]} == {
        1: True,
        2: True,
    }
    found = verdicts(demo)
    assert of_stage(found, 1) | of_stage(found, 2) == found.keys()
    assert of_stage(found, 2)
    assert not any(row["random_weights"] for row in demo.export())


def test_one_that_is_switched_off_and_on_loses_no_vector_and_no_verdict(
    demo: RunningDemo, say: Callable[[object], None]
) -> None:
    vectors_before, before = vectors(demo), classified_anew(demo)
    run(demo, "embeddings", "--off", "musicnn")
    run(demo, "extract")
    run(demo, "classify")
    assert vectors(demo) == vectors_before
    assert verdicts(demo) == before

    without = classified_anew(demo)
    say(f"without MusiCNN stage 1 decides {len(of_stage(without, 1))} songs")
    assert of_stage(without, 1) == without.keys()

    run(demo, "embeddings", "--on", "musicnn")
    assert classified_anew(demo) == before
    assert vectors(demo) == vectors_before


def test_one_that_is_installed_later_costs_its_own_vectors_and_a_training_brings_it_in(
    demo: RunningDemo, say: Callable[[object], None]
) -> None:
    vectors_before, before = vectors(demo), verdicts(demo)
    make_trial(
        demo.folder.weights / "MERT-v1-95M",
        python=ROOT / ".venv-triton" / "bin" / "python",
        triton_folder=ROOT / "services" / "triton",
    )
    wait_until(lambda: bool(embeddings(demo)["mert"]["installed"]), seconds=90, what="MERT is installed")
    run(demo, "extract")
    after = vectors(demo)
    assert {kind: after[kind] for kind in vectors_before} == vectors_before
    assert len(after["mert"]) == SONGS
    assert verdicts(demo) == before

    say(run(demo, "train", "--promote", "always"))
    run(demo, "classify")
    heads = {str(version).partition("/")[0] for _, _, version, _ in verdicts(demo).values()}
    assert heads <= {"genre_fma", "genre_fma_musicnn", "genre_fma_musicnn_mert"}
    assert {stage["stage"]: stage["ready"] for stage in demo.status()["model"]["stages"]} == {
        1: True, 2: True, 3: True,
    }  # fmt: skip
    assert vectors(demo) == after


def test_the_order_of_stages_is_the_owners(demo: RunningDemo) -> None:
    vectors_before = vectors(demo)
    run(demo, "embeddings", "--order", "mert,musicnn")
    run(demo, "train", "--promote", "always")
    stages = demo.status()["model"]["stages"]
    assert [stage["model_version"].partition("/")[0] for stage in stages] == [
        "genre_fma", "genre_fma_mert", "genre_fma_mert_musicnn",
    ]  # fmt: skip
    run(demo, "classify")
    assert len(verdicts(demo)) == SONGS
    assert vectors(demo) == vectors_before


def test_one_that_is_removed_leaves_its_vectors_and_the_verdicts_that_rest_on_them(demo: RunningDemo) -> None:
    vectors_before, before = vectors(demo), classified_anew(demo)
    for file in (demo.folder.weights / "MERT-v1-95M").iterdir():
        file.unlink()
    unload(demo, "mert")
    wait_until(lambda: not embeddings(demo)["mert"]["installed"], seconds=90, what="MERT is not installed")
    run(demo, "extract")
    run(demo, "classify")
    assert vectors(demo) == vectors_before
    assert verdicts(demo) == before

    assert classified_anew(demo) == before


def unload(demo: RunningDemo, model: str) -> None:
    """As when Triton was started anew."""
    folder = demo.folder.certificates
    identity = Identity(
        authority=(folder / "ca.crt").read_text(),
        certificate=(folder / "inference.crt").read_text(),
        key=(folder / "inference.key").read_text(),
    )
    triton = Triton(
        f"127.0.0.1:{demo.ports.triton_grpc}", identity=identity, key=demo.folder.secret("triton-key")
    )
    triton.unload(model)
    triton.close()
