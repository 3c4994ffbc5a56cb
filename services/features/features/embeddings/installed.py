"""The embeddings of this release: those of the folders beside this module."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

from features import embeddings
from features.embeddings.embedding import Embedding, Surroundings


def _found() -> Iterator[type[Embedding]]:
    """Of each folder with a module `embedding` the class that is made there."""
    for folder in pkgutil.iter_modules(embeddings.__path__):
        if folder.ispkg:
            module = importlib.import_module(f"{embeddings.__name__}.{folder.name}.embedding")
            for each in vars(module).values():
                if (
                    inspect.isclass(each)
                    and issubclass(each, Embedding)
                    and each.__module__ == module.__name__
                ):
                    yield each


EMBEDDINGS: tuple[type[Embedding], ...] = tuple(sorted(_found(), key=lambda each: each.card.cpu_seconds))
"""The cheapest first."""


def build_embeddings(surroundings: Surroundings) -> list[Embedding]:
    """Each with its settings from the environment; the cheapest first."""
    return [each.build(surroundings) for each in sorted(EMBEDDINGS, key=lambda each: each.card.cpu_seconds)]
