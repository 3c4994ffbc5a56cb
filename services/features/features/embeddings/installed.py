"""The embeddings of this release."""

from features.embeddings.embedding import Embedding, Surroundings
from features.embeddings.mert.embedding import MertEmbedding

EMBEDDINGS: tuple[type[Embedding], ...] = (MertEmbedding,)
"""A new one is its folder, and its name here."""


def build_embeddings(surroundings: Surroundings) -> list[Embedding]:
    """Each with its settings from the environment; the cheapest first."""
    by_cost = sorted(EMBEDDINGS, key=lambda each: each.card.cpu_seconds)
    return [each.build(surroundings) for each in by_cost]
