"""Services for the tests of inference: one that was never trained, one that was."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from inference_system import System, running_system, training
from synthetic_library import SyntheticLibrary, synthetic_library
from triton_server import TritonServer, triton_server


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
