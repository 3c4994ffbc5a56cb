"""MusiCNN whose weights were spoiled or taken away while Triton was down: said for all songs, with the remedy."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from features.audio.excerpts import Excerpt
from features.embeddings.embedding import Surroundings
from features.embeddings.musicnn.embedding import MusicnnEmbedding
from features.embeddings.musicnn.settings import MusicnnSettings
from features.embeddings.options import ComputeOptions, LoadOptions
from features.errors import EmbeddingError, ModelDamagedError, ModelNotInstalledError
from musicnn_golden import WEIGHTS, copy_of
from musicnn_network.bundle import DATA, INDEX
from prometheus_client import CollectorRegistry
from runtime.triton import Triton
from triton_server import TritonServer, triton_server
from waiting import until

pytestmark = pytest.mark.outages


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    with triton_server(tmp_path_factory.mktemp("triton")) as server:
        yield server


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return copy_of(WEIGHTS, tmp_path / "weights")


@pytest.fixture
def embedding(server: TritonServer, weights: Path) -> Iterator[MusicnnEmbedding]:
    triton = Triton(server.target)
    surroundings = Surroundings(triton=triton, registry=CollectorRegistry())
    embedding = MusicnnEmbedding(MusicnnSettings(weights=str(weights)), surroundings, failure_seconds=0.5)
    yield embedding
    embedding.close()
    triton.close()


def embed(embedding: MusicnnEmbedding) -> int:
    windows = embedding.preprocessing.windows(np.ones(16_000 * 5, dtype=np.float32))
    return len(embedding.embed(windows, Excerpt.MIDDLE, ComputeOptions()).values)


def serves(embedding: MusicnnEmbedding) -> bool:
    try:
        return embed(embedding) == 250
    except EmbeddingError:
        return False


def cut_values(folder: Path) -> None:
    (folder / DATA).write_bytes((folder / DATA).read_bytes()[:1000])


def spoil_index(folder: Path) -> None:
    (folder / INDEX).write_bytes(b"\x0f" * 500 + (folder / INDEX).read_bytes()[500:])


def take_away(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@pytest.mark.parametrize(
    ("spoil", "failure", "sentence"),
    [
        (cut_values, ModelDamagedError, "the weights of MusiCNN cannot be used"),
        (spoil_index, ModelDamagedError, "the weights of MusiCNN cannot be used"),
        (take_away, ModelNotInstalledError, "MusiCNN is not installed here"),
    ],
)
def test_weights_that_are_wrong_after_a_restart_are_said_by_songs_and_by_capabilities(
    server: TritonServer,
    embedding: MusicnnEmbedding,
    weights: Path,
    spoil: Callable[[Path], None],
    failure: type[EmbeddingError],
    sentence: str,
) -> None:
    assert embed(embedding) == 250
    server.kill()
    spoil(weights)
    server.start()
    with pytest.raises(failure) as refused:
        embed(embedding)
    assert refused.value.permanent
    assert str(refused.value).startswith(sentence)
    assert "pip install --force-reinstall" in str(refused.value)
    assert isinstance(embedding.known_failure(LoadOptions()), failure)
    told = embedding.capability(Excerpt.MIDDLE, LoadOptions(), None)
    assert (told.available, told.version, told.detail) == (False, "", str(refused.value))
    copy_of(WEIGHTS, weights)
    assert until(lambda: serves(embedding))
    assert embedding.capability(Excerpt.MIDDLE, LoadOptions(), None).available
