"""`reclass evaluate --fma` on a small data set in FMA's format: the real inference service and Triton."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from fma_tables_made import changed, made_library, write_fma
from inference_system import System, running_system
from portal.commands.models import command as models
from portal.commands.models import official_split
from reclass.inference.v1 import inference_pb2 as messages
from synthetic_library import SyntheticLibrary
from triton_server import triton_server
from typer.testing import CliRunner, Result

Command = Callable[..., Result]


@pytest.fixture(scope="module")
def inference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with triton_server(tmp_path_factory.mktemp("triton")) as server, running_system(server) as system:
        yield system


@pytest.fixture(scope="module")
def library() -> SyntheticLibrary:
    return made_library()


@pytest.fixture
def folder(tmp_path: Path, library: SyntheticLibrary) -> Path:
    return write_fma(tmp_path / "fma_metadata", library)


@pytest.fixture
def command(inference: System, db: None, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`reclass`, in an environment that has this test's inference."""
    monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://is-not-asked-for")
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", inference.target)

    def run(*words: object) -> Result:
        app = typer.Typer()
        models.register(app)
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(word) for word in words])

    return run


PAPER = ("logistic regression │ 61.1%", "kNN │ 51.8%", "SVM │ 62.9%", "MLP │ 58.1%")


def test_figures_of_other_songs_than_the_papers_do_not_stand_beside_them(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    said = " ".join(command("evaluate", "--fma", folder, "--out", tmp_path / "out").output.split())
    assert "The paper's figures are of 19,922/2,505/2,573 songs" in said
    assert "the paper's" not in said


def test_our_figures_stand_beside_the_papers_and_no_model_is_made(
    inference: System,
    command: Command,
    folder: Path,
    tmp_path: Path,
    library: SyntheticLibrary,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(official_split.OFFICIAL, "medium", (80, 20, 20))
    done = command("evaluate", "--fma", folder, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    for figure in PAPER:
        assert f"the paper's {figure}" in said
    assert "2 tracks without a genre (genre_top) were passed over." in said
    for name in ("Electronic", "Experimental", "Hip-Hop"):
        assert f"│ {name} │" in said
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    # Small and medium of three subsets; of twelve artists a genre eight are learned from.
    assert (report["training_songs"], report["validation_songs"], report["test_songs"]) == (80, 20, 20)
    assert report["stage"]["feature_versions"] == ["fma-native-518/2"]
    assert report["stage"]["held_out_accuracy"] > report["stage"]["majority_baseline_accuracy"] + 0.2
    assert f"ours │ {report['stage']['held_out_accuracy']:.1%}" in said
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {
        "confusion.png", "coverage.png", "reliability.png"
    }  # fmt: skip
    assert not inference.stub.ListModels(messages.ListModelsRequest()).models


@pytest.mark.thorough
def test_the_small_subset_has_no_figures_of_the_paper(
    command: Command, folder: Path, tmp_path: Path, library: SyntheticLibrary
) -> None:
    done = command("evaluate", "--fma", folder, "--subset", "small", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["training_songs"] + report["validation_songs"] + report["test_songs"] == 60
    assert "the paper" not in done.output


def test_a_table_that_is_damaged_is_refused_before_anything_is_learned(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    changed(folder / "features.csv", 8, 3, "?")
    done = command("evaluate", "--fma", folder, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "features.csv, row 9: chroma_cens kurtosis 03 is '?', no number" in done.stderr
    assert "unpack fma_metadata.zip again" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_model_and_the_data_set_are_not_evaluated_together(command: Command, folder: Path) -> None:
    done = command("evaluate", "--fma", folder, "--model", "model-1")
    assert done.exit_code == 1
    assert "leave --model out" in done.stderr


def test_a_report_that_cannot_be_saved_says_what_to_do(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = command("evaluate", "--fma", folder, "--subset", "small", "--out", tmp_path / "file" / "out")
    assert done.exit_code == 1
    assert "name another folder with --out" in done.stderr
