"""What every embedding must do, whichever it is: those that the folders hold, in the real Triton."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from audio_files import music
from embedding_cases import CASES, EmbeddingCase
from features.audio.excerpts import Excerpt
from features.embeddings.embedding import Embedding, Surroundings
from features.embeddings.installed import EMBEDDINGS
from features.embeddings.options import ComputeOptions, LoadOptions
from features.errors import EmbeddingError
from features.vectors import FloatArray, Vector
from prometheus_client import CollectorRegistry
from runtime.triton import Triton
from triton_server import MODELS, triton_server

LONGEST_VERSION = 1000


def folder_of(embedding: type[Embedding]) -> str:
    return embedding.__module__.split(".")[-2]


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    folder = tmp_path_factory.mktemp("triton")
    environment: dict[str, str] = {}
    for name, case in CASES.items():
        environment |= case.environment(folder / f"weights of {name}")
    with triton_server(folder, environment) as server:
        triton = Triton(server.target)
        yield triton
        triton.close()


@pytest.fixture(params=EMBEDDINGS, ids=folder_of, scope="module")
def kind(request: pytest.FixtureRequest) -> type[Embedding]:
    return request.param


@pytest.fixture(scope="module")
def case(kind: type[Embedding]) -> EmbeddingCase:
    return CASES[folder_of(kind)]


@pytest.fixture
def build(kind: type[Embedding], triton: Triton) -> Iterator[Callable[[], Embedding]]:
    built: list[Embedding] = []

    def make() -> Embedding:
        built.append(kind.build(Surroundings(triton=triton, registry=CollectorRegistry())))
        return built[-1]

    yield make
    for each in built:
        each.close()


@pytest.fixture
def embedding(build: Callable[[], Embedding]) -> Embedding:
    return build()


def vector(embedding: Embedding, y: FloatArray) -> Vector:
    windows = embedding.preprocessing.windows(y)
    return embedding.embed(windows, Excerpt.MIDDLE, ComputeOptions())


def song(embedding: Embedding, seconds: float, seed: int = 1) -> FloatArray:
    rate = embedding.card.sample_rate_hz
    y: FloatArray = music(seconds, sample_rate_hz=rate, seed=seed).mean(axis=1).astype(np.float32)
    return y


def test_each_has_a_case_a_model_in_triton_and_settings() -> None:
    assert EMBEDDINGS
    assert {folder_of(each) for each in EMBEDDINGS} == CASES.keys()
    assert all((MODELS / folder_of(each) / "config.pbtxt").exists() for each in EMBEDDINGS)
    assert all(each.settings.model_fields for each in EMBEDDINGS)


def test_its_network_says_what_others_found_that_it_says(case: EmbeddingCase, tmp_path: Path) -> None:
    for (found, wanted), tolerance in case.golden(tmp_path):
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() < tolerance


def test_a_song_becomes_a_vector_of_the_length_that_it_promises(embedding: Embedding) -> None:
    found = vector(embedding, song(embedding, 30.0))
    description = embedding.describe(LoadOptions())
    assert found.kind == embedding.card.kind
    assert found.values.shape == (description.length,)
    assert description.length in embedding.card.lengths
    assert np.isfinite(found.values).all()
    assert found.values.std() > 0
    assert found.seconds > 0


def test_silence_is_a_vector(embedding: Embedding) -> None:
    found = vector(embedding, np.zeros(30 * embedding.card.sample_rate_hz, dtype=np.float32))
    assert np.isfinite(found.values).all()


@pytest.mark.parametrize("seconds", [4.95, 1.0])
def test_a_short_song_is_a_vector_of_the_same_length(embedding: Embedding, seconds: float) -> None:
    found = vector(embedding, song(embedding, seconds))
    assert len(found.values) == embedding.describe(LoadOptions()).length
    assert np.isfinite(found.values).all()


def test_another_song_is_another_vector_and_the_same_song_the_same(embedding: Embedding) -> None:
    once, again, other = (vector(embedding, song(embedding, 10.0, seed)).values for seed in (1, 1, 2))
    np.testing.assert_allclose(once, again, atol=2e-5)
    assert np.abs(once - other).max() > 1e-3


def test_a_window_is_embedded_the_same_alone_and_among_others(embedding: Embedding) -> None:
    windows = embedding.preprocessing.windows(song(embedding, 30.0))
    whole = embedding.embed(windows, Excerpt.MIDDLE, ComputeOptions()).values
    single = embedding.embed(windows, Excerpt.MIDDLE, ComputeOptions(batch_size=1)).values
    np.testing.assert_allclose(whole, single, atol=2e-5)


def test_its_version_names_all_that_changes_the_values_and_nothing_else(embedding: Embedding) -> None:
    description = embedding.describe(LoadOptions())
    version = vector(embedding, song(embedding, 10.0)).version
    assert version == description.version(Excerpt.MIDDLE)
    assert version.startswith(f"{description.checkpoint.lower()}/{description.digest};")
    assert re.fullmatch(r"[0-9a-f]{12}", description.digest)
    assert version.endswith(f";excerpt={Excerpt.MIDDLE.version}")
    assert f";dtype={description.dtype};" in version
    assert set(description.recipe) < set(version.split(";"))
    assert version.isprintable()
    assert len(version) <= LONGEST_VERSION
    assert description.version(Excerpt.FIRST) != version


def test_its_card_says_what_a_person_asks_who_thinks_of_it(kind: type[Embedding]) -> None:
    card = kind.card
    assert all((card.name, card.licence, card.weights, card.windows, card.cpu_seconds, card.lengths))
    assert len(card.tags) <= min(card.lengths)
    assert all(0 < tag.reference_mean < 1 for tag in card.tags)


def test_its_capability_has_what_the_page_of_embeddings_shows(embedding: Embedding) -> None:
    told = embedding.capability(Excerpt.MIDDLE, LoadOptions(), None)
    card = embedding.card
    assert told.available
    assert (told.kind, told.name, told.licence, told.weights) == (
        card.kind,
        card.name,
        card.licence,
        card.weights,
    )
    assert (told.tags, told.length) == (card.tags, embedding.describe(LoadOptions()).length)
    assert told.weights_bytes > 1_000_000


def test_weights_that_are_not_right_are_refused_with_the_remedy_and_what_serves_goes_on(
    embedding: Embedding,
    build: Callable[[], Embedding],
    case: EmbeddingCase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prefix = embedding.settings.model_config["env_prefix"]
    for number, (says, spoil) in enumerate(case.refused.items()):
        folder = tmp_path / str(number)
        spoil(folder)
        monkeypatch.setenv(f"{prefix}WEIGHTS", str(folder))
        with pytest.raises(EmbeddingError, match=re.escape(says)) as refused:
            build().describe(LoadOptions())
        assert re.search(r"download|install", str(refused.value)), refused.value
    monkeypatch.delenv(f"{prefix}WEIGHTS")
    assert len(vector(embedding, song(embedding, 10.0)).values)


def test_without_a_triton_it_is_not_installed(kind: type[Embedding]) -> None:
    alone = kind.build(Surroundings(triton=None, registry=CollectorRegistry()))
    told = alone.capability(Excerpt.MIDDLE, LoadOptions(), None)
    assert not told.available
    assert "FEATURES_TRITON_TARGET" in told.detail
    alone.close()
