"""Which checkpoint Triton is told of, and the one of random weights."""

from pathlib import Path

import pytest
from standalone.system.mert_weights import TrialWeightsError, checkpoint, make_trial


@pytest.fixture
def gpu(tmp_path: Path) -> Path:
    path = tmp_path / "nvidiactl"
    path.touch()
    return path


def put(weights: Path, *names: str) -> Path:
    for name in names:
        (weights / name).mkdir(parents=True)
        (weights / name / "config.json").write_text("{}")
    return weights


@pytest.mark.parametrize(
    ("there", "without_gpu", "with_gpu"),
    [
        ((), "MERT-v1-95M", "MERT-v1-330M"),
        (("MERT-v1-95M",), "MERT-v1-95M", "MERT-v1-95M"),
        (("MERT-v1-330M",), "MERT-v1-330M", "MERT-v1-330M"),
        (("MERT-v1-330M", "MERT-v1-95M", "trial"), "MERT-v1-95M", "MERT-v1-330M"),
        (("trial", "yet another"), "yet another", "yet another"),
        (("trial",), "trial", "trial"),
    ],
)
def test_the_checkpoint_is_the_one_for_this_machine_and_random_weights_come_last(
    tmp_path: Path, gpu: Path, there: tuple[str, ...], without_gpu: str, with_gpu: str
) -> None:
    weights = put(tmp_path / "weights", *there)
    assert checkpoint(weights, tmp_path / "no gpu").name == without_gpu
    assert checkpoint(weights, gpu).name == with_gpu


def test_a_folder_without_a_configuration_is_no_checkpoint(tmp_path: Path) -> None:
    weights = put(tmp_path / "weights", "trial")
    (weights / "MERT-v1-95M").mkdir()
    assert checkpoint(weights, tmp_path / "no gpu").name == "trial"


def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrialWeightsError, match="make install"):
        make_trial(tmp_path / "trial", python=tmp_path / "python", triton_folder=tmp_path)


def test_what_the_maker_says_last_is_passed_on(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho first >&2\necho 'no room on the disk' >&2\nexit 3\n")
    python.chmod(0o755)
    with pytest.raises(TrialWeightsError, match="no room on the disk"):
        make_trial(tmp_path / "trial", python=python, triton_folder=tmp_path)
