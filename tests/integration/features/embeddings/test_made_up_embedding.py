"""A fourth embedding is a folder in features and one in Triton: no other code is touched, and all of it serves."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import audio_files
import features
import numpy as np
import pytest
import triton_server as real
from features.audio.decode import load_excerpt
from features_process import FeaturesProcess, features_process
from inference.serving.embedding_models import EmbeddingModels
from reclass.features.v1 import features_pb2
from runtime.triton import Triton
from triton_server import TritonServer
from wire import values_of

MADE_UP = Path(__file__).parents[3] / "support" / "made_up_embedding"
TRITON = real.LAUNCHER.parent
KIND, FMA = features_pb2.VectorKind.ValueType(1000), features_pb2.VECTOR_KIND_FMA
VERSION = "sparks/000000000005;colour=blue;dtype=fp32;excerpt=middle-30s/3"


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources as they are, and the two folders more."""
    folder = tmp_path_factory.mktemp("copies")
    compiled = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(features.__file__).parent, folder / "services" / "features", ignore=compiled)
    shutil.copytree(TRITON, folder / "triton", ignore=compiled)
    shutil.copytree(MADE_UP / "features", folder / "services" / "features" / "embeddings", dirs_exist_ok=True)
    shutil.copytree(MADE_UP / "triton", folder / "triton" / "models", dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def server(copies: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    server = TritonServer(
        tmp_path_factory.mktemp("triton"),
        models=copies / "triton" / "models",
        launcher=copies / "triton" / "launch.py",
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    audio_files.song(folder, "flac", seconds=12.0)
    return folder


@pytest.fixture(scope="module")
def service(
    copies: Path, server: TritonServer, library: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FeaturesProcess]:
    with pytest.MonkeyPatch.context() as patch:
        # Before the package that is installed.
        patch.setenv("PYTHONPATH", str(copies / "services"))
        patch.setenv("FEATURES_SPARKS_COLOUR", "blue")
        log = tmp_path_factory.mktemp("log") / "features.log"
        with features_process(library, log, triton_target=server.target, processes=1) as service:
            yield service


def test_a_song_has_its_vector_beside_the_others(service: FeaturesProcess, library: Path) -> None:
    audio = features_pb2.AudioReference(path=str(library / "song.flac"))
    answer = service.stub.Extract(
        features_pb2.ExtractRequest(
            audio=audio,
            kinds=[FMA, KIND],
            compute=features_pb2.ComputeOptions(device=features_pb2.DEVICE_CUDA),
        ),
        timeout=120,
    )
    assert not answer.missing
    assert [(vector.kind, len(values_of(vector))) for vector in answer.vectors] == [(FMA, 518), (KIND, 7)]
    assert answer.vectors[1].version == VERSION
    y = load_excerpt(str(library / "song.flac"), rates=(8_000,)).at[8_000]
    seconds = np.rint(y[: 12 * 8_000].reshape(12, 8_000) * 1000) / 1000
    weights = np.sin(np.outer(np.arange(8_000), np.arange(1, 8)))
    expected = (1 / (1 + np.exp(-seconds @ weights))).mean(axis=0)
    assert values_of(answer.vectors[1]) == pytest.approx(expected, abs=1e-3)


def test_capabilities_say_what_it_is_and_what_it_has_cost(service: FeaturesProcess, library: Path) -> None:
    service.stub.Extract(
        features_pb2.ExtractRequest(
            audio=features_pb2.AudioReference(path=str(library / "song.flac")), kinds=[KIND]
        ),
        timeout=120,
    )
    told = {
        each.kind: each
        for each in service.stub.GetCapabilities(features_pb2.GetCapabilitiesRequest(), timeout=60).kinds
    }
    sparks = told[KIND]
    assert (sparks.name, sparks.available, sparks.length, sparks.version) == ("Sparks", True, 7, VERSION)
    assert [(tag.name, tag.reference_mean) for tag in sparks.tags] == [("sparkling", 0.5)]
    assert sparks.weights_bytes == 8_000 * 7 * 4
    assert sparks.measured_songs >= 1
    assert 0 < sparks.measured_seconds < 1
    # The others are there as ever.
    assert set(told) > {FMA, features_pb2.VECTOR_KIND_MERT, features_pb2.VECTOR_KIND_MUSICNN}


def test_the_watchdog_of_inference_finds_it(service: FeaturesProcess, server: TritonServer) -> None:
    triton = Triton(server.target)
    (probe,) = [each for each in EmbeddingModels(triton).probes() if each.model == "sparks"]
    assert triton.ask(probe.model, probe.inputs, probe.outputs)["description"].shape == (1, 1)
    triton.close()
