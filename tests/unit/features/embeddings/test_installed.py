"""Folders of embeddings that clash or that hold none, found at the start of the service."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from features import embeddings
from features.embeddings.embedding import Embedding, Surroundings
from features.embeddings.installed import (
    ClashingEmbeddingError,
    build_embeddings,
    check_kinds,
    find_embeddings,
)
from features.embeddings.musicnn.embedding import MusicnnEmbedding
from features.fma import vector as fma
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

EMBEDDING = """
from features.embeddings.musicnn.embedding import MusicnnEmbedding
from dataclasses import replace

class Own(MusicnnEmbedding):
    card = replace(MusicnnEmbedding.card, kind=1000, name="Own")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Searched beside the package's own."""
    monkeypatch.setattr(embeddings, "__path__", [*embeddings.__path__, str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def package(folder: Path, name: str, **files: str) -> None:
    (folder / name).mkdir()
    for file, text in ({"__init__": ""} | files).items():
        (folder / name / f"{file}.py").write_text(text)


def numbered(name: str, kind: int) -> type[Embedding]:
    card = replace(MusicnnEmbedding.card, kind=kind, name=name.title())
    return type(name.title(), (MusicnnEmbedding,), {"card": card, "__module__": f"a.{name}.embedding"})


def test_a_folder_of_its_own_is_found(folder: Path) -> None:
    package(folder, "own_one", embedding=EMBEDDING)
    assert "Own" in [each.card.name for each in find_embeddings()]


@pytest.mark.parametrize(
    ("files", "says"),
    [({}, "no module embedding"), ({"embedding": "x = 1"}, "no class that inherits Embedding")],
)
def test_a_folder_without_an_embedding_is_left_out_with_a_warning(
    folder: Path, files: dict[str, str], says: str
) -> None:
    package(folder, "own_two", **files)
    with capture_logs() as logs:
        built = build_embeddings(Surroundings(triton=None, registry=CollectorRegistry()))
    assert {each.card.name for each in built} == {each.card.name for each in find_embeddings()}
    (warning,) = logs
    assert warning["log_level"] == "warning"
    assert warning["folder"] == str(folder / "own_two")
    assert says in warning["because"]


def test_a_library_that_an_embedding_lacks_is_no_empty_folder(folder: Path) -> None:
    package(folder, "own_three", embedding="import no_such_library")
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        find_embeddings()


def test_two_folders_with_one_kind_are_refused() -> None:
    with pytest.raises(ClashingEmbeddingError, match=r"'first' and 'second' .* kind 1000: .* from 1000"):
        check_kinds([numbered("first", 1000), numbered("second", 1000)], fma.NAMES)


@pytest.mark.parametrize("kind", [1, 4, 0, -1, 2**31])
def test_a_kind_that_is_taken_or_is_none_is_refused_by_its_folder(kind: int) -> None:
    with pytest.raises(ClashingEmbeddingError, match=f"'first' has the kind {kind}.*from 1000"):
        check_kinds([numbered("first", kind)], fma.NAMES)
    check_kinds([numbered("first", 2**31 - 1), numbered("second", 1000)], fma.NAMES)
