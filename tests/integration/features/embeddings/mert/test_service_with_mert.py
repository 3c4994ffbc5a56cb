"""The service as it is started, with the real model in a real Triton, whose weights are small and random."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import audio_files
import numpy as np
import pytest
from features.audio.decode import load_excerpt
from features.audio.excerpts import Excerpt
from features.embeddings.embedding import Surroundings
from features.embeddings.mert.embedding import MertEmbedding
from features.embeddings.mert.settings import MertSettings
from features.embeddings.triton_embedding import read_description
from processes import free_port
from prometheus_client import CollectorRegistry
from reclass.features.v1 import features_pb2, features_pb2_grpc
from runtime.channel import open_channel
from runtime.triton import Triton
from trial_weights import write_trial
from triton_server import TritonServer, triton_server
from waiting import until
from wire import values_of

pytestmark = pytest.mark.outages


FMA, MERT = features_pb2.VECTOR_KIND_FMA, features_pb2.VECTOR_KIND_MERT
WARM_SECONDS = 120.0


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    audio_files.song(folder, "flac", seconds=12.0)
    return folder


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    folder = tmp_path_factory.mktemp("triton")
    write_trial(folder / "weights", "tiny-95m")
    with triton_server(folder, {"TRITON_MERT_WEIGHTS": str(folder / "weights")}) as server:
        yield server


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def stub(
    triton: TritonServer, library: Path, metrics_port: int
) -> Iterator[features_pb2_grpc.FeatureServiceStub]:
    port = free_port()
    environment = os.environ | {
        "FEATURES_PORT": str(port),
        "FEATURES_METRICS_PORT": str(metrics_port),
        "FEATURES_MEDIA_FOLDERS": str(library),
        "FEATURES_SYNC_TARGET": "",
        "FEATURES_TRITON_TARGET": triton.target,
        "FEATURES_PROCESSES": "1",
    }
    process = subprocess.Popen([sys.executable, "-m", "features"], env=environment)
    channel = open_channel(f"127.0.0.1:{port}", timeout_seconds=WARM_SECONDS)
    yield features_pb2_grpc.FeatureServiceStub(channel)
    channel.close()
    process.terminate()
    assert process.wait(timeout=30) == 0


def extracted(stub: features_pb2_grpc.FeatureServiceStub, library: Path) -> features_pb2.ExtractResponse:
    audio = features_pb2.AudioReference(path=str(library / "song.flac"))
    return stub.Extract(features_pb2.ExtractRequest(audio=audio, kinds=[FMA, MERT]))


def test_the_vector_is_the_mean_of_what_the_model_says_of_the_songs_windows(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path, triton: TritonServer
) -> None:
    fma, mert = extracted(stub, library).vectors
    assert (len(values_of(fma)), len(values_of(mert))) == (518, 768)
    here = MertEmbedding(MertSettings(), Surroundings(triton=None, registry=CollectorRegistry()))
    windows = here.preprocessing.windows(load_excerpt(str(library / "song.flac"), rates=(24_000,)).at[24_000])
    model = Triton(triton.target)
    answer = model.ask("mert", {"windows": windows}, ["embedding", "description"])
    model.close()
    assert answer["embedding"].shape == (3, 1, 768)
    # On processors without bf16 exactly; with it, batches of other sizes round otherwise.
    np.testing.assert_allclose(values_of(mert), answer["embedding"].mean(axis=(0, 1)), rtol=0.02, atol=0.02)
    assert mert.version == read_description(answer["description"][0, 0], here.recipe).version(Excerpt.MIDDLE)


def test_the_model_and_its_device_are_told_in_capabilities_and_figures(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path, metrics_port: int
) -> None:
    (told,) = [
        each
        for each in stub.GetCapabilities(features_pb2.GetCapabilitiesRequest()).kinds
        if each.kind == MERT
    ]
    assert (told.available, told.length, told.random_weights) == (True, 768, True)
    assert " on cpu " in told.detail or " on cuda:0 " in told.detail
    assert "trial weights" in told.detail
    assert "weights=trial" in told.version
    assert told.version == extracted(stub, library).vectors[1].version
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics") as page:
        figures = page.read().decode()
    assert 'reclass_features_mert_model{checkpoint="weights"' in figures
    assert 'for_trials="yes"' in figures


def test_triton_may_be_killed_and_come_back_without_its_model(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path, triton: TritonServer
) -> None:
    before = extracted(stub, library)
    triton.kill()
    away = extracted(stub, library)
    assert [vector.kind for vector in away.vectors] == [FMA]
    assert [(missing.kind, missing.permanent) for missing in away.missing] == [(MERT, False)]
    triton.start()
    after = until(lambda: len((found := extracted(stub, library)).vectors) == 2 and found)
    assert after.vectors[1].version == before.vectors[1].version
    np.testing.assert_allclose(
        values_of(after.vectors[1]), values_of(before.vectors[1]), rtol=1e-3, atol=1e-3
    )


def test_without_weights_it_says_what_to_download(
    tmp_path: Path, library: Path, stub: features_pb2_grpc.FeatureServiceStub, triton: TritonServer
) -> None:
    """Last: the weights are gone from here on."""
    weights = next(triton.repository.parent.glob("weights"))
    weights.rename(weights.with_name("elsewhere"))
    triton.kill()
    triton.start()
    missing = until(
        lambda: next((missing for missing in extracted(stub, library).missing if missing.permanent), None)
    )
    assert "docs/install.md, 'MERT'" in missing.message
    assert str(weights) in missing.message
    assert missing.message.startswith("MERT is not installed")
