"""The embeddings of this release: those of the folders beside this module."""

import importlib
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from runtime.telemetry import get_logger

from features import embeddings
from features.embeddings.embedding import Embedding, Surroundings

log = get_logger(__name__)
# As the contract carries an enum.
LARGEST_KIND = 2**31 - 1
REMEDY = f"give it a `kind` of its own in its ModelCard, from 1000 to {LARGEST_KIND}, or take its folder away"


class ClashingEmbeddingError(Exception):
    """A folder's kind is another's, or is none; the message names the folder and says what to do."""


def find_embeddings() -> tuple[type[Embedding], ...]:
    """Those of all folders that have one; the cheapest first."""
    found = [each for folder in _folders() if _has_module(folder) for each in _classes(folder)]
    return tuple(sorted(found, key=lambda each: each.card.cpu_seconds))


def empty_folders() -> dict[Path, str]:
    """The folders in which no embedding was found, and why."""
    reasons = {}
    for folder in _folders():
        if not _has_module(folder):
            reasons[folder] = "it has no module embedding (embedding.py)"
        elif not any(_classes(folder)):
            reasons[folder] = "its embedding.py has no class that inherits Embedding"
    return reasons


def check_kinds(found: Iterable[type[Embedding]], taken: Mapping[int, str]) -> None:
    """Refuse a kind that two have, or that is in `taken`, which has names by number. Raises ClashingEmbeddingError.

    Vectors of two embeddings under one kind would be taken for each other's.
    """
    owners: dict[int, str] = {}
    for each in found:
        kind, name = each.card.kind, each.__module__.removesuffix(".embedding").rpartition(".")[2]
        if kind in taken or not 0 < kind <= LARGEST_KIND:
            why = f"is that of {taken[kind]}" if kind in taken else "is no number of a kind"
            raise ClashingEmbeddingError(f"the embedding {name!r} has the kind {kind}, which {why}: {REMEDY}")
        if kind in owners:
            raise ClashingEmbeddingError(
                f"the embeddings {owners[kind]!r} and {name!r} both have the kind {kind}: change one of them; {REMEDY}"
            )
        owners[kind] = name


def _folders() -> Iterator[Path]:
    for root in embeddings.__path__:
        folders = (path for path in Path(root).iterdir() if path.is_dir())
        yield from sorted(path for path in folders if not path.name.startswith(("_", ".")))


def _module(folder: Path) -> str:
    return f"{embeddings.__name__}.{folder.name}.embedding"


def _has_module(folder: Path) -> bool:
    return find_spec(_module(folder)) is not None


def _classes(folder: Path) -> list[type[Embedding]]:
    """Those that are made in its module `embedding`."""
    module = importlib.import_module(_module(folder))
    return [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, Embedding) and each.__module__ == module.__name__
    ]


EMBEDDINGS: tuple[type[Embedding], ...] = find_embeddings()
"""The cheapest first."""


def build_embeddings(
    surroundings: Surroundings, taken: Mapping[int, str] | None = None
) -> Sequence[Embedding]:
    """Each with its settings from the environment; the cheapest first.

    `taken` are the kinds that something else has, with its names. Raises ClashingEmbeddingError.
    """
    for folder, reason in empty_folders().items():
        log.warning("a folder of embeddings is left out", folder=str(folder), because=reason)
    check_kinds(EMBEDDINGS, taken or {})
    return [each.build(surroundings) for each in sorted(EMBEDDINGS, key=lambda each: each.card.cpu_seconds)]
