"""Services for the tests of inference: one that was never trained, one that was."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from inference_system import System, running_system, training
from refusing_inference import refusing as refusing
from synthetic_library import SyntheticLibrary, synthetic_library
from triton_server import TritonServer, triton_server

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="session")
def library() -> SyntheticLibrary:
    return synthetic_library(seed=21, genres=6, wrong=6)


@pytest.fixture
def triton(tmp_path: Path) -> Iterator[TritonServer]:
    with triton_server(tmp_path / "triton") as server:
        yield server


@pytest.fixture
def system(triton: TritonServer) -> Iterator[System]:
    """A service that was never trained."""
    with running_system(triton) as running:
        yield running


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, library: SyntheticLibrary) -> Iterator[System]:
    """A service that has been trained once. Tests may train it again, and must leave it able to answer."""
    with triton_server(tmp_path_factory.mktemp("triton")) as server, running_system(server) as running:
        running.first_training = running.train(training(library))
        yield running


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example in Node, with what it needs, outside of the repository."""
    required = os.environ.get("RECLASS_REQUIRE_NODE") == "1"
    if not shutil.which("npm"):
        assert not required, "RECLASS_REQUIRE_NODE is set, and there is no npm"
        pytest.skip("there is no npm on this machine")
    folder = tmp_path_factory.mktemp("caller") / "node"
    shutil.copytree(EXAMPLES / "node", folder, ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode:
        assert not required, done.stderr
        pytest.skip(f"npm cannot install what the example needs: {done.stderr.strip().splitlines()[-1]}")
    return folder
