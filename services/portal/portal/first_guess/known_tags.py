"""The tags that embeddings give to songs, and the embedding whose tags make the guesses."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count

from portal.library.models import Embedding, Vector
from portal.remote.audio import made_by_random_weights


@dataclass(frozen=True, kw_only=True)
class TagSource:
    """An embedding whose vectors end with the probabilities of tags."""

    name: str
    kind: str
    version: str
    tags: tuple[str, ...]
    reference: tuple[float, ...]
    """The mean probability of each tag over broad music."""


def tag_source() -> TagSource | None:
    """The first embedding in the order of stages that gives tags; None where there is none.

    One that is switched off, or cannot be made any more, keeps its vectors, and so its guesses. Random weights guess
    nothing.
    """
    for each in Embedding.objects.exclude(tags=[]).order_by("-enabled", "position", "pk"):
        version = each.version or _usual_version(each.kind)
        if version and not made_by_random_weights(version):
            names, means = zip(*each.tags, strict=True)
            return TagSource(name=each.name, kind=each.kind, version=version, tags=names, reference=means)
    return None


def _usual_version(kind: str) -> str:
    """The version of most of its vectors; empty where there are none."""
    counted = Vector.objects.filter(kind=kind).values_list("version").annotate(vectors=Count("pk"))
    return next((version for version, _ in counted.order_by("-vectors")), "")


def known_tags() -> frozenset[str]:
    """The tags of all embeddings."""
    return frozenset(name for tags in Embedding.objects.values_list("tags", flat=True) for name, _ in tags)


def spelled_as_known(tag: str, known: Collection[str]) -> str | None:
    """The tag as the embedding spells it, whatever its case; None where it is not known."""
    if tag in known:
        return tag
    return next((each for each in known if each.casefold() == tag.casefold()), None)
