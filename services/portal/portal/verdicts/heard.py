"""Which heads hear whole songs in place of excerpts, from the reports of the trainings that made them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from portal.library.models import VectorKind
from portal.runs.models import Run


def whole_song_heads(versions: Iterable[str]) -> frozenset[str]:
    """Those of these heads, such as "genre_fma/7", that have learned from whole songs."""
    wanted = set(versions)
    found: set[str] = set()
    for version in wanted:
        if version not in found:
            made_it = Run.objects.filter(kind=Run.Kind.TRAIN, result__heads__contains=[version])
            # One training makes the heads of all stages, of songs heard one way.
            found |= _hearing_whole_songs(
                made_it.order_by("-pk").values_list("result__stages", flat=True).first()
            )
    return frozenset(found & wanted)


def _hearing_whole_songs(stages: Sequence[Mapping[str, Any]] | None) -> set[str]:
    return {
        stage["model_version"]
        for stage in stages or ()
        if any(made.startswith(VectorKind.FMA_NATIVE) for made in stage.get("feature_versions", ()))
    }
